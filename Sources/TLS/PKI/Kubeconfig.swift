import Primitives

/// A client configuration for kubectl and everything built on client-go
/// (https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/), with everything embedded.
public enum Kubeconfig {
  /// - Parameters:
  ///   - cluster: its name, also the context's.
  ///   - server: `https://host:port`.
  ///   - ca: the authority's certificate, `cert` and `key` the person's, in PEM.
  /// Contains a private key: write it with `SecretFile.write(_:to:)`, mode 0600.
  public static func text(cluster: String, server: String, ca: Bytes, cert: Bytes, key: Bytes, user: String = "admin") -> String {
    """
    apiVersion: v1
    kind: Config
    clusters:
    - name: \(quoted(cluster))
      cluster:
        server: \(quoted(server))
        certificate-authority-data: \(Base64.encode(ca))
    users:
    - name: \(quoted(user))
      user:
        client-certificate-data: \(Base64.encode(cert))
        client-key-data: \(Base64.encode(key))
    contexts:
    - name: \(quoted(cluster))
      context:
        cluster: \(quoted(cluster))
        user: \(quoted(user))
    current-context: \(quoted(cluster))

    """
  }

  /// A YAML double-quoted scalar; JSON's escapes are among YAML's.
  private static func quoted(_ text: String) -> String {
    var quoted: String = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\\(scalar)"
      case _ where scalar.value < 32 || scalar.value == 127: quoted += "\\x" + Hexadecimal.encode([UInt8(scalar.value)])
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
