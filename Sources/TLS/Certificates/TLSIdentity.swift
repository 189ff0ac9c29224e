import Primitives

/// Who we are on the wire: a certificate with the intermediate ones that lead to its authority, and the key.
public struct TLSIdentity: Sendable {
  /// The own certificate first, then its issuers; the authority itself may be left out.
  public let chain: [Certificate]
  public let key: PrivateKey

  public var certificate: Certificate { chain[0] }

  /// Throws `.badCertificate` if there is no certificate or the key is not the first one's.
  public init(chain: [Certificate], key: PrivateKey) throws {
    guard let own: Certificate = chain.first else { throw TLSError(.badCertificate, "An identity needs a certificate.") }
    guard own.matches(key) else {
      throw TLSError(.badCertificate, "The private key does not belong to the certificate of \"\(own.commonName)\".")
    }
    self.chain = chain
    self.key = key
  }

  public init(certificatePEM: Bytes, keyPEM: Bytes) throws {
    try self.init(chain: Certificate.all(pem: certificatePEM), key: PrivateKey(pem: keyPEM))
  }

  /// From files. The key's must be readable by its owner alone. Throws `.badFile`, `.keyPermissions`, `.badEncoding`, `.badCertificate`,
  /// with the paths in the sentence.
  public init(certificateFile: String, keyFile: String) throws {
    do {
      try self.init(certificatePEM: SecretFile.read(certificateFile), keyPEM: SecretFile.readSecret(keyFile))
    } catch let error as TLSError where error.code != .badFile && error.code != .keyPermissions {
      throw TLSError(error.code, "Cannot use \(certificateFile) with \(keyFile).", cause: error)
    }
  }
}

/// Whose signatures we believe.
public struct TLSTrust: Sendable {
  public let authorities: [Certificate]

  public init(authorities: [Certificate]) { self.authorities = authorities }
  public init(pem: Bytes) throws { authorities = try Certificate.all(pem: pem) }

  public init(file: String) throws {
    do {
      try self.init(pem: SecretFile.read(file))
    } catch let error as TLSError where error.code != .badFile {
      throw TLSError(error.code, "Cannot take authorities from \(file).", cause: error)
    }
  }
}
