import Glibc
import Primitives
import TLS

/// The lab's folder: everything that a lab writes lies below it.
public struct LabDirectory: Sendable, Hashable {
  /// Absolute.
  public let path: String
  public init(path: String) { self.path = path }

  static let wideAreaSocket = "wan.sock"
  public var siteFile: String { "\(path)/site.yaml" }
  public var pki: String { "\(path)/pki" }
  public var images: String { "\(path)/images" }
  public var logs: String { "\(path)/logs" }
  /// A file for every fault that is in force.
  var faults: String { "\(path)/faults" }
  public var kubeconfig: String { "\(path)/kubeconfig" }
  public func kubeconfig(vantage: String) -> String { "\(path)/vantage-\(vantage).kubeconfig" }
  /// Says that this lab has made, or has begun to make, the machine's network namespaces.
  var networkMarker: String { "\(path)/network" }
  public func host(_ name: HostName) -> String { "\(path)/hosts/\(name)" }
  func services(_ name: HostName) -> String { "\(host(name))/services" }
  public func log(_ name: String) -> String { "\(logs)/\(name).log" }

  /// Makes a folder and those above it, 0700.
  public static func make(_ folder: String) throws {
    var path: String = folder.hasPrefix("/") ? "" : "."
    for part in folder.split(separator: "/") {
      path += "/\(part)"
      guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
        throw LabError(.failed, "The folder \(path) cannot be made: \(String(cString: strerror(errno))).")
      }
    }
  }

  public static func write(_ text: String, to file: String) throws { try SecretFile.write(Bytes(text), to: file) }

  /// Names in a folder, without those that begin with a dot; empty if it cannot be read.
  public static func entries(_ path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name: String = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }

  public static func read(_ file: String, limit: Int = 1 << 20) -> String? { readBytes(file, limit: limit)?.text }

  static func readBytes(_ file: String, limit: Int) -> Bytes? {
    let descriptor: Int32 = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: Bytes = []
    var buffer = Bytes(repeating: 0, count: 65_536)
    while bytes.count < limit {
      let count: Int = Glibc.read(descriptor, &buffer, buffer.count)
      if count <= 0 { break }
      bytes += buffer[..<count]
    }
    return bytes
  }

  public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
