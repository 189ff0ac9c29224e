import HTTPTypes
import NIOCore

/// A request's wish to leave HTTP on its connection (`Connection: Upgrade`, RFC 9110 section 7.8; HTTP/1.1 only). Whoever answers the
/// request either accepts, and has the connection, or answers as always; the connection is closed after that answer.
public struct UpgradeOffer: Sendable {
  /// The protocols in the order of the client's preference, in lower case but for versions: `websocket`, `SPDY/3.1`.
  public let protocols: [String]
  let perform: @Sendable (HTTPResponse) async throws -> DuplexStream

  public func includes(_ name: String) -> Bool { protocols.contains { $0.lowercased() == name.lowercased() } }

  /// Sends `head` (status 101, with the fields of the protocol; `connection: upgrade` is added) and takes the connection over.
  /// Throws `.connectionLost` when the client is gone.
  public func accept(_ head: HTTPResponse) async throws -> DuplexStream { try await perform(head) }

  /// From the fields of a request; nil if it does not ask.
  static func protocols(connection: [String], upgrade: [String]) -> [String]? {
    func words(_ values: [String]) -> [String] {
      values.flatMap { $0.split(separator: ",") }.map { String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
    }
    guard words(connection).contains(where: { $0.lowercased() == "upgrade" }) else { return nil }
    let wanted: [String] = words(upgrade)
    return wanted.isEmpty ? nil : wanted
  }
}
