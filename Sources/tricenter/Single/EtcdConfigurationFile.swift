import Primitives
import TLS
import Yams

/// etcd's `--config-file`: YAML whose keys are the flags' names, with TLS files in two sections of their own
/// (https://github.com/etcd-io/etcd/blob/main/etcd.conf.yml.sample).
enum EtcdConfigurationFile {
  private static let sections: [String: String] = ["client-transport-security": "", "peer-transport-security": "peer-"]
  /// What the sections call otherwise than the flags.
  private static let renamed: [String: String] = ["allowed-cn": "cert-allowed-cn", "allowed-hostname": "cert-allowed-hostname"]

  /// Flags by name. Throws a sentence that names the file and the key.
  static func read(_ path: String) throws -> [String: String] {
    func fault(_ text: String) -> ValidationFault { ValidationFault("--config-file=\(path): \(text)") }
    let text: String
    do { text = try SecretFile.read(path).text } catch { throw fault("it cannot be read: \(error)") }
    let root: Node?
    do { root = try Yams.compose(yaml: text) } catch { throw fault("it is no YAML: \(error)") }
    guard let root else { return [:] }
    guard let mapping: Node.Mapping = root.mapping else { throw fault("it is no list of NAME: VALUE") }
    var flags: [String: String] = [:]
    func add(_ name: String, _ value: Node) throws {
      guard EtcdFlags.isFlag(name) else { throw fault("\(name) is no setting of etcd's") }
      switch value {
      case .scalar(let scalar):
        // `key:` without a value leaves the default.
        if scalar.string.isEmpty || scalar.string == "null" || scalar.string == "~" { return }
        flags[name] = scalar.string
      case .sequence(let sequence):
        let words: [String] = sequence.compactMap(\.string)
        guard words.count == sequence.count else { throw fault("\(name) holds something that is no text") }
        flags[name] = words.joined(separator: ",")
      default: throw fault("\(name) is neither a value nor a list of them")
      }
    }
    for (key, value) in mapping {
      guard let name: String = key.string else { throw fault("a key is no text") }
      guard let prefix: String = sections[name] else {
        try add(name, value)
        continue
      }
      if value.null != nil { continue }
      guard let section: Node.Mapping = value.mapping else { throw fault("\(name) is no section") }
      for (key, value) in section {
        guard let inner: String = key.string else { throw fault("a key of \(name) is no text") }
        try add(prefix + (renamed[inner] ?? inner), value)
      }
    }
    return flags
  }
}
