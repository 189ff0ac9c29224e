import NIOCore
import Primitives
import TLS
import Testing

@testable import SiteLink

/// Links whose certificates `tricenter pki` did not make.
@Suite(.timeLimit(.minutes(1))) struct TrustTests {
  let federation: Federation
  init() throws { federation = try Federation() }

  private func shared(_ words: String, _ host: String) throws -> LinkTLS {
    let now: WallTime = SystemClock().wall()
    let authority = try SharedAuthority(words: words, purpose: "peers", now: now)
    return try LinkTLS(
      identity: try authority.identity(center: "production", host: host, daemon: "store", now: now), trust: authority.trust, logger: quiet)
  }

  /// Of an operator's authority: no process is named.
  private func foreign(_ name: String, addresses: [String] = ["127.0.0.1"], isTrusting: Bool = true) throws -> LinkTLS {
    var leaf = LeafDescription(commonName: name)
    leaf.addresses = addresses
    let identity: TLSIdentity = try federation.authority.issue(leaf, now: SystemClock().wall())
    var tls = try LinkTLS(identity: identity, trust: federation.authority.trust, logger: quiet)
    tls.trustsAuthority = isTrusting
    return tls
  }

  @Test func membersThatKnowTheSameWordsBelieveEachOther() async throws {
    let one = try Member(1, "a", federation, tls: try shared("token", "a"))
    let two = try Member(2, "b", federation, tls: try shared("token", "b"))
    try await connect(one, two)
    await one.waitUp(two)
    #expect(try await one.send([(Bytes("hello"), .urgent)], to: two) == [true])
    await two.wait { $0 == .message(MemberID(1), Bytes("hello")) }
    await stop(one, two)
  }

  @Test func otherWordsAreAnotherAuthority() async throws {
    let one = try Member(1, "a", federation, tls: try shared("token", "a"))
    let two = try Member(2, "b", federation, tls: try shared("Token", "b"))
    try await connect(one, two)
    let status: LinkStatus = try await one.eventually(two) { $0.lastError != nil }
    #expect(!status.up && !status.receiving)
    await stop(one, two)
  }

  @Test func aMemberMustBeTheHostThatItsCertificateNamesAlsoThere() async throws {
    let one = try Member(1, "a", federation, tls: try shared("token", "a"))
    let two = try Member(2, "b", federation, tls: try shared("token", "c"))
    try await connect(one, two)
    let status: LinkStatus = try await one.eventually(two) { $0.lastError != nil }
    #expect(status.lastError?.contains("its certificate is for host c, not b") ?? false, "\(status.lastError ?? "")")
    await stop(one, two)
  }

  @Test func anOperatorsAuthorityIsEnoughWhereItIsSaidSo() async throws {
    let one = try Member(1, "a", federation, tls: try foreign("one"))
    let two = try Member(2, "b", federation, tls: try foreign("two"))
    try await connect(one, two)
    await one.waitUp(two)
    await two.waitUp(one)
    // But nobody commands with such a certificate.
    let refusal: LinkError? = await #expect(throws: LinkError.self) {
      _ = try await SiteLink.ask(
        host: "127.0.0.1", port: try #require(one.link.port), request: [1], tls: try foreign("tool"), eventLoop: two.loop)
    }
    #expect(refusal?.message.contains("names no process") ?? false, "\(refusal?.message ?? "")")
    await stop(one, two)
  }

  @Test func withoutThatWordNobodyIsRecognised() async throws {
    let one = try Member(1, "a", federation, tls: try foreign("one", isTrusting: false))
    let two = try Member(2, "b", federation, tls: try foreign("two", isTrusting: false))
    try await connect(one, two)
    let status: LinkStatus = try await one.eventually(two) { $0.lastError != nil }
    #expect(!status.up && (status.lastError?.contains("names no federation") ?? false), "\(status.lastError ?? "")")
    await stop(one, two)
  }

  @Test func theOneWhoDialsInsistsOnTheAddress() async throws {
    let one = try Member(1, "a", federation, tls: try foreign("one"))
    let two = try Member(2, "b", federation, tls: try foreign("two", addresses: ["127.9.9.9"]))
    try await connect(one, two)
    let status: LinkStatus = try await one.eventually(two) { $0.lastError != nil }
    #expect(!status.up)
    await stop(one, two)
  }
}
