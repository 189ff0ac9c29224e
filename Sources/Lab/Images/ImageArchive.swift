import Primitives
import TLS

/// One image as an OCI archive (OCI image layout 1.0.2) that `ctr images import` takes.
public struct ImageArchive: Sendable {
  /// Full name with tag: `tricenter.local/web:1`.
  public var name: String
  public var entrypoint: [String]
  public var ports: [Int]
  var layer: Bytes

  /// The archive. Deterministic: the same contents give the same digests.
  public func archive() -> Bytes {
    let layerDigest: String = SHA256.hexadecimal(layer)
    let exposed: String = ports.map { "\"\($0)/tcp\":{}" }.joined(separator: ",")
    let command: String = entrypoint.map(Self.quoted).joined(separator: ",")
    let configuration: Bytes = Bytes(
      "{\"architecture\":\"\(Self.architecture)\",\"os\":\"linux\",\"created\":\"1970-01-01T00:00:00Z\",\"config\":{\"Entrypoint\":[\(command)],"
        + "\"Env\":[\"PATH=/bin\"],\"ExposedPorts\":{\(exposed)},\"WorkingDir\":\"/\"},"
        + "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:\(layerDigest)\"]}}")
    let configurationDigest: String = SHA256.hexadecimal(configuration)
    let manifest: Bytes = Bytes(
      "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{\"mediaType\":"
        + "\"application/vnd.oci.image.config.v1+json\",\"digest\":\"sha256:\(configurationDigest)\",\"size\":\(configuration.count)},"
        + "\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"sha256:\(layerDigest)\",\"size\":\(layer.count)}]}"
    )
    let manifestDigest: String = SHA256.hexadecimal(manifest)
    let tag: Substring = name[name.index(after: name.lastIndex(of: ":") ?? name.startIndex)...]
    let index: Bytes = Bytes(
      "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[{\"mediaType\":"
        + "\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"sha256:\(manifestDigest)\",\"size\":\(manifest.count),\"annotations\":"
        + "{\"io.containerd.image.name\":\(Self.quoted(name)),\"org.opencontainers.image.ref.name\":\(Self.quoted(String(tag)))}}]}")
    var tar = TarWriter()
    tar.file("oci-layout", Bytes("{\"imageLayoutVersion\":\"1.0.0\"}"))
    tar.file("index.json", index)
    tar.directory("blobs")
    tar.directory("blobs/sha256")
    for (digest, content) in [(configurationDigest, configuration), (manifestDigest, manifest), (layerDigest, layer)] {
      tar.file("blobs/sha256/\(digest)", content)
    }
    return tar.finish()
  }

  private static let architecture: String = {
    #if arch(arm64)
      "arm64"
    #else
      "amd64"
    #endif
  }()

  private static func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
  }
}

extension ImageArchive {
  /// Names and programs that both images need, from Debian's static busybox.
  private static func base(busybox: Bytes) -> TarWriter {
    var tar = TarWriter()
    for folder in ["bin", "etc", "tmp", "proc", "sys", "dev", "www"] { tar.directory(folder) }
    tar.file("bin/busybox", mode: 0o755, busybox)
    for applet in ["sh", "sleep", "httpd", "cat", "wget", "ls", "hostname", "nslookup", "env", "true", "false", "kill", "test"] {
      tar.link("bin/\(applet)", to: "busybox")
    }
    tar.file("etc/passwd", Bytes("root:x:0:0:root:/:/bin/sh\n"))
    return tar
  }

  /// What holds a pod's namespaces open: waits, and goes when asked to.
  public static func pause(busybox: Bytes) -> ImageArchive {
    var tar: TarWriter = base(busybox: busybox)
    tar.file("bin/pause", mode: 0o755, Bytes("#!/bin/sh\ntrap 'exit 0' TERM INT\nwhile :; do sleep 3600 & wait $!; done\n"))
    return ImageArchive(name: "tricenter.local/pause:1", entrypoint: ["/bin/pause"], ports: [], layer: tar.finish())
  }

  /// A web server on port 8080 that says which pod, host and center answers. It knows them from its environment (POD_NAME, NODE_NAME,
  /// CENTER), which a pod fills by the downward API.
  public static func web(busybox: Bytes) -> ImageArchive {
    var tar: TarWriter = base(busybox: busybox)
    let script: String = """
      #!/bin/sh
      printf '{"pod":"%s","host":"%s","center":"%s"}\\n' "$POD_NAME" "$NODE_NAME" "$CENTER" > /www/index.html
      trap 'kill $! 2>/dev/null; exit 0' TERM INT
      httpd -f -p "${PORT:-8080}" -h /www &
      wait $!

      """
    tar.file("bin/web", mode: 0o755, Bytes(script))
    return ImageArchive(name: "tricenter.local/web:1", entrypoint: ["/bin/web"], ports: [8080], layer: tar.finish())
  }
}
