import Glibc
import Primitives

extension FederationPKI {
  /// One certificate file as it is now.
  public struct Item: Sendable {
    public var path: String
    public var certificate: Certificate
    /// Why it should not be used, for people; nil if nothing is wrong.
    public var problem: String?
  }

  /// Every certificate in the directory and its folders, by path. Throws `.badFile` if the directory cannot be read; what is in it and
  /// cannot be used is an item's problem, or is left out if it is no certificate at all.
  public func inventory(now: WallTime) throws -> [Item] {
    let authority: Certificate? = try? TLSTrust(file: authorityCertificate).authorities.first
    return try Self.certificateFiles(in: directory, depth: 3).sorted().compactMap { path in
      guard let certificate: Certificate = try? Certificate.all(pem: SecretFile.read(path)).first else { return nil }
      return Item(path: path, certificate: certificate, problem: problem(path, certificate, authority, now))
    }
  }

  private func problem(_ path: String, _ certificate: Certificate, _ authority: Certificate?, _ now: WallTime) -> String? {
    guard let authority else { return "there is no authority in \(authorityCertificate)" }
    if !certificate.isSigned(by: authority) { return "not signed by the authority in \(authorityCertificate)" }
    if now < certificate.notBefore { return "not valid before \(certificate.notBefore.rfc3339)" }
    if certificate.notAfter < now { return "expired" }
    let key: String = String(path.dropLast(4)) + ".key"
    do {
      let isTheirs: Bool = certificate.matches(try PrivateKey(pem: SecretFile.readSecret(key)))
      if !isTheirs { return "\(key) is another certificate's key" }
    } catch let error as TLSError {
      return error.message
    } catch {
      return "\(error)"
    }
    return certificate.needsRenewal(at: now) ? "due for renewal" : nil
  }

  private static func certificateFiles(in folder: String, depth: Int) throws -> [String] {
    guard let stream = opendir(folder) else {
      throw TLSError(.badFile, "Cannot read the directory \(folder): \(String(cString: strerror(errno))).")
    }
    defer { closedir(stream) }
    var paths: [String] = []
    while let entry = readdir(stream) {
      let name: String = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard !name.hasPrefix(".") else { continue }
      let path: String = "\(folder)/\(name)"
      if name.hasSuffix(".pem") {
        paths.append(path)
      } else if depth > 1, Int32(entry.pointee.d_type) == Int32(DT_DIR) {
        paths += try certificateFiles(in: path, depth: depth - 1)
      }
    }
    return paths
  }
}
