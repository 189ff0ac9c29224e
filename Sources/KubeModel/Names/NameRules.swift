import Primitives

/// What Kubernetes accepts as names, each as a list of complaints in its own words (empty: accepted).
/// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
public enum NameRules {
  public static let labelLength: Int = 63
  public static let subdomainLength: Int = 253
  /// Bytes of all annotations of one object, keys and values.
  public static let annotationsBytes: Int = 256 * 1024
  /// What `generateName` is cut to before its suffix is added.
  public static let generatedPrefixLength: Int = 58

  /// A DNS label (RFC 1123): names of namespaces, ports, containers.
  public static func label(_ text: String) -> [String] {
    tooLong(text, labelLength)
      + (isLabel(Array(text.utf8)[...])
        ? []
        : [
          "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
        ])
  }

  /// A DNS label that begins with a letter (RFC 1035): names of services.
  public static func label1035(_ text: String) -> [String] {
    let bytes: Bytes = Bytes(text)
    let fine: Bool = isLabel(bytes[...]) && bytes[0] >= UInt8(ascii: "a")
    return tooLong(text, labelLength)
      + (fine
        ? []
        : [
          "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
        ])
  }

  /// A DNS subdomain: names of most objects.
  public static func subdomain(_ text: String) -> [String] {
    tooLong(text, subdomainLength)
      + (isSubdomain(text)
        ? []
        : [
          "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        ])
  }

  /// A name that is one segment of a URL's path.
  public static func pathSegment(_ text: String) -> [String] {
    if text == "." || text == ".." { return ["may not be '\(text)'"] }
    return ["/", "%"].filter { text.contains($0) }.map { "may not contain '\($0)'" }
  }

  /// A label's or annotation's key: `[prefix/]name`.
  public static func qualifiedName(_ text: String) -> [String] {
    let parts: [Substring] = text.split(separator: "/", omittingEmptySubsequences: false)
    let rule: String =
      "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
    var problems: [String] = []
    let name: String
    switch parts.count {
    case 1: name = text
    case 2:
      let prefix = String(parts[0])
      name = String(parts[1])
      if prefix.isEmpty {
        problems.append("prefix part must be non-empty")
      } else {
        problems += subdomain(prefix).map { "prefix part \($0)" }
      }
    default:
      return [
        "a qualified name \(rule) with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
      ]
    }
    if name.isEmpty {
      problems.append("name part must be non-empty")
    } else if name.utf8.count > labelLength {
      problems.append("name part must be no more than \(labelLength) bytes")
    }
    if !isQualified(Bytes(name)) { problems.append("name part \(rule)") }
    return problems
  }

  public static func labelValue(_ text: String) -> [String] {
    tooLong(text, labelLength)
      + (text.isEmpty || isQualified(Bytes(text))
        ? []
        : [
          "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
        ])
  }

  /// A key of a ConfigMap's or Secret's data: a file name without a way up.
  public static func dataKey(_ text: String) -> [String] {
    var problems: [String] = tooLong(text, subdomainLength)
    if text.isEmpty || !text.utf8.allSatisfy({ isAlphanumeric($0) || $0 == 45 || $0 == 46 || $0 == 95 }) {
      problems.append(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
      )
    }
    if text == "." || text == ".." { problems.append("must not be '\(text)'") }
    if text != "..", text.hasPrefix("..") { problems.append("must not start with '..'") }
    return problems
  }

  /// A port's name inside a container (IANA service name).
  public static func portName(_ text: String) -> [String] {
    var problems: [String] = []
    let bytes: Bytes = Bytes(text)
    if bytes.count > 15 { problems.append("must be no more than 15 characters") }
    if !bytes.allSatisfy({ isLower($0) || isDigit($0) || $0 == 45 }) {
      problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    }
    if !bytes.contains(where: isLower) { problems.append("must contain at least one letter (a-z)") }
    if text.contains("--") { problems.append("must not contain consecutive hyphens") }
    if bytes.first == 45 || bytes.last == 45 { problems.append("must not begin or end with a hyphen") }
    return problems
  }

  /// The name of an environment variable: any printable ASCII but `=`, as Kubernetes has it since 1.34.
  public static func environmentName(_ text: String) -> [String] {
    text.isEmpty || !text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "=") })
      ? ["a valid environment variable name must consist only of printable ASCII characters other than '='"] : []
  }

  private static func tooLong(_ text: String, _ limit: Int) -> [String] {
    text.utf8.count > limit ? ["must be no more than \(limit) bytes"] : []
  }
  private static func isLower(_ byte: UInt8) -> Bool { byte >= 97 && byte <= 122 }
  private static func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }
  private static func isAlphanumeric(_ byte: UInt8) -> Bool { isDigit(byte) || isLower(byte | 0x20) && byte > 64 }

  private static func isLabel(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard let first: UInt8 = bytes.first, let last: UInt8 = bytes.last, first != 45, last != 45 else { return false }
    return bytes.allSatisfy { isLower($0) || isDigit($0) || $0 == 45 }
  }
  private static func isSubdomain(_ text: String) -> Bool {
    Bytes(text).split(separator: 46, omittingEmptySubsequences: false).allSatisfy { isLabel($0) }
  }
  private static func isQualified(_ bytes: Bytes) -> Bool {
    guard let first: UInt8 = bytes.first, let last: UInt8 = bytes.last, isAlphanumeric(first), isAlphanumeric(last) else { return false }
    return bytes.allSatisfy { isAlphanumeric($0) || $0 == 45 || $0 == 46 || $0 == 95 }
  }
}
