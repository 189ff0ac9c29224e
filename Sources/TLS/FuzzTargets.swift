import Primitives

extension FuzzTarget {
  /// Texts around keys and certificates; the certificates themselves are libcrypto's to read.
  public static var tls: [FuzzTarget] { [base64, hexadecimal, identities] }

  private static var base64: FuzzTarget {
    FuzzTarget("base64", corpus: [Bytes("Zm9vYg=="), Bytes("Zm9vYg"), Bytes("_-8")], words: [Bytes("="), Bytes("==")]) {
      input throws(FuzzFinding) in
      for alphabet in [Base64.Alphabet.standard, .url] {
        guard let bytes: Bytes = Base64.decode(input, alphabet) else { continue }
        guard Base64.decode(Base64.encode(bytes, alphabet), alphabet) == bytes else { throw FuzzFinding("it does not come back") }
      }
      return Base64.decode(input, .standard) != nil || Base64.decode(input, .url) != nil
    }
  }

  private static var hexadecimal: FuzzTarget {
    FuzzTarget("hexadecimal", corpus: [Bytes("00ff7A")]) { input throws(FuzzFinding) in
      guard let bytes: Bytes = Hexadecimal.decode(input.text) else { return false }
      guard Hexadecimal.decode(Hexadecimal.encode(bytes)) == bytes else { throw FuzzFinding("it does not come back") }
      return true
    }
  }

  private static var identities: FuzzTarget {
    let uri: String = IdentityURI(federation: "bank", center: "production", host: "prod-1", daemon: "store").description
    return FuzzTarget("identity-uris", corpus: [Bytes(uri)], words: ["/", "://", "%", "center"].map { Bytes($0) }) {
      input throws(FuzzFinding) in
      guard let identity = IdentityURI(input.text) else { return false }
      guard IdentityURI(identity.description) == identity else { throw FuzzFinding("\(identity) does not come back") }
      return true
    }
  }
}
