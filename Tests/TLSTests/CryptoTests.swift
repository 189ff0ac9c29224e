import Primitives
import Testing

@testable import TLS

@Suite struct CryptoTests {
  @Test func sha256KnowsTheVectorsOfFIPS180() {
    #expect(SHA256.hexadecimal([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(SHA256.hexadecimal(Bytes("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }

  /// RFC 4231, test cases 1 and 2.
  @Test func hmacKnowsTheVectorsOfRFC4231() {
    let one: Bytes = HMACSHA256.authenticate(Bytes("Hi There"), key: Bytes(repeating: 0x0B, count: 20))
    #expect(Hexadecimal.encode(one) == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
    let two: Bytes = HMACSHA256.authenticate(Bytes("what do ya want for nothing?"), key: Bytes("Jefe"))
    #expect(Hexadecimal.encode(two) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    #expect(HMACSHA256.isValid(two, for: Bytes("what do ya want for nothing?"), key: Bytes("Jefe")))
    #expect(!HMACSHA256.isValid(two, for: Bytes("what do ya want for nothing!"), key: Bytes("Jefe")))
    #expect(HMACSHA256.authenticate([], key: []).count == 32)
  }

  /// RFC 4648 section 10.
  @Test func base64IsStrict() {
    let vectors: [(String, String)] = [
      ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ]
    for (plain, encoded) in vectors {
      #expect(Base64.encode(Bytes(plain)) == encoded)
      #expect(Base64.decode(encoded) == Bytes(plain))
    }
    for wrong in ["Zg", "Zg=", "Zh==", "Zm9=", "Zm9v\n", " Zm9v", "Zm9v====", "====", "Z===", "Zg==Zg==", "Zm-v", "Zm9vZ"] {
      #expect(Base64.decode(wrong) == nil, "\(wrong)")
    }
    #expect(Base64.encode([0xFB, 0xFF], .url) == "-_8")
    #expect(Base64.decode("-_8", .url) == [0xFB, 0xFF])
    #expect(Base64.decode("-_8=", .url) == nil)
    #expect(Base64.decode("-_9", .url) == nil)
    for count in 0..<70 {
      let bytes: Bytes = SecureRandom.bytes(count)
      #expect(Base64.decode(Base64.encode(bytes)) == bytes)
      #expect(Base64.decode(Base64.encode(bytes, .url), .url) == bytes)
      #expect(Hexadecimal.decode(Hexadecimal.encode(bytes)) == bytes)
    }
    #expect(Hexadecimal.decode("0g") == nil)
    #expect(Hexadecimal.decode("000") == nil)
  }

  @Test func uuidsAreVersionFourAndDiffer() {
    let one: String = SecureRandom.uuid()
    #expect(one.count == 36)
    #expect(Bytes(one)[14] == UInt8(ascii: "4"))
    #expect("89ab".utf8.contains(Bytes(one)[19]))
    #expect(Set((0..<1000).map { _ in SecureRandom.uuid() }).count == 1000)
  }

  @Test(arguments: KeyKind.allCases) func signaturesHoldForTheirMessageAndKeyAlone(kind: KeyKind) throws {
    let key = PrivateKey.generate(kind)
    let message: Bytes = Bytes("no acknowledged write was lost")
    let signature: Bytes = try key.sign(message)
    let publicKey: PublicKey = try PublicKey(pem: key.publicKey.pem)
    #expect(publicKey.isValid(signature, for: message))
    #expect(!publicKey.isValid(signature, for: message + [0]))
    #expect(!publicKey.isValid(Bytes(signature.dropLast()), for: message))
    #expect(!publicKey.isValid([], for: message))
    #expect(try !PrivateKey.generate(kind).publicKey.isValid(signature, for: message))
    let again: Bytes = try PrivateKey(pem: key.pem).sign(message)
    #expect(publicKey.isValid(again, for: message))
    #expect("\(key)" == "PrivateKey(hidden)")
  }

  @Test func whatIsNoKeyIsRefused() {
    for text in ["", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
      #expect(throws: TLSError(.badEncoding, "")) { try PrivateKey(pem: Bytes(text)) }
      #expect(throws: TLSError(.badEncoding, "")) { try PublicKey(pem: Bytes(text)) }
      #expect(throws: TLSError(.badEncoding, "")) { try Certificate.all(pem: Bytes(text)) }
    }
  }
}
