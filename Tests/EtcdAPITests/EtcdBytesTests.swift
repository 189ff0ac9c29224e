import Glibc
import Primitives
import Processes
import Store
import Testing

@testable import EtcdAPI

/// Bytes on a gRPC stream that no client library sends, with what etcd 3.6.13 answers to them; sent by curl, not by our own client.
@Suite(.serialized, .enabled(if: findProgram("curl") != nil, "no curl in PATH")) struct EtcdBytesTests {
  struct Pair: Sendable {
    var path: String
    var hex: String
    var code: Int
    /// Up to the words of Go's own decoder.
    var message: String
    /// Where we answer otherwise: grpc's own rules (statuscodes.md) have INTERNAL for a call without a whole request, and UNIMPLEMENTED
    /// for a compression that is not spoken.
    var ours: (code: Int, message: String)?
  }

  static let pairs: [Pair] = [
    Pair(
      path: "/nothing/at/all", hex: "0000000000", code: 12, message: "unknown service nothing/at",
      ours: (12, "malformed method name: \"/nothing/at/all\"")),
    Pair(path: "/etcdserverpb.KV/Put", hex: "0000000000", code: 3, message: "etcdserver: key is not provided"),
    Pair(path: "/etcdserverpb.KV/Range", hex: "00000000030a0161", code: 0, message: ""),
    // A field that nobody knows.
    Pair(path: "/etcdserverpb.KV/Put", hex: "00000000060a0161f23e00", code: 0, message: ""),
    // A field longer than its message, a number without an end, a field cut off.
    Pair(path: "/etcdserverpb.KV/Put", hex: "00000000050aff016161", code: 13, message: "grpc: error unmarshalling request: "),
    Pair(path: "/etcdserverpb.KV/Put", hex: "0000000003ffffff", code: 13, message: "grpc: error unmarshalling request: "),
    Pair(path: "/etcdserverpb.KV/Put", hex: "00000000020a05", code: 13, message: "grpc: error unmarshalling request: "),
    Pair(
      path: "/etcdserverpb.KV/Put", hex: "01000000030a0161", code: 13, message: "grpc: compressed flag set with identity or empty encoding",
      ours: (12, "grpc: Decompressor is not installed for a compressed message")),
    Pair(path: "/etcdserverpb.KV/Put", hex: "05000000030a0161", code: 13, message: "grpc: received unexpected payload format 5"),
    // Frames that end in the middle.
    Pair(
      path: "/etcdserverpb.KV/Put", hex: "00000000100a0161", code: 2, message: "unexpected EOF",
      ours: (13, "grpc: the stream ended inside a message")),
    Pair(path: "/etcdserverpb.KV/Put", hex: "0000", code: 2, message: "EOF", ours: (13, "grpc: the stream ended inside a message")),
    Pair(path: "/etcdserverpb.KV/Put", hex: "", code: 2, message: "EOF", ours: (13, "grpc: a unary call without a request message")),
    Pair(
      path: "/etcdserverpb.KV/Put", hex: "00ffffffff0a0161", code: 8,
      message: "grpc: received message larger than max (4294967295 vs. 2097152)"),
    Pair(path: "/etcdserverpb.Watch/Watch", hex: "0000000003ffffff", code: 13, message: "grpc: "),
    Pair(path: "/grpc.health.v1.Health/Check", hex: "0000000000", code: 0, message: ""),
    Pair(path: "/grpc.health.v1.Health/Check", hex: "00000000050a03666f6f", code: 5, message: "unknown service"),
  ]

  @Test func whatIsNoCallIsRefusedAsEtcdRefusesIt() async throws {
    try await withMember("default") { _, store, port in
      try await eventually("it leads") { store.leadership.isLocal }
      for pair in Self.pairs {
        let bytes: Bytes = stride(from: 0, to: pair.hex.utf8.count, by: 2).compactMap { place in
          UInt8(pair.hex.dropFirst(place).prefix(2), radix: 16)
        }
        let text: String = try await Command(
          [
            "curl", "-s", "--http2-prior-knowledge", "-X", "POST", "-H", "content-type: application/grpc", "-H", "te: trailers",
            "--data-binary", "@-", "-o", "/dev/null", "-D", "-", "--max-time", "20", "http://127.0.0.1:\(port)\(pair.path)",
          ], input: bytes
        ).outcome().output.text
        func field(_ name: String) -> String {
          text.split(separator: "\r\n").first { $0.hasPrefix(name + ": ") }.map { String($0.dropFirst(name.utf8.count + 2)) } ?? ""
        }
        let message: String = field("grpc-message").replacing("%20", with: " ")
        let wanted: (code: Int, message: String) = pair.ours ?? (pair.code, pair.message)
        let fits: Bool = wanted.message.hasSuffix(" ") ? message.hasPrefix(wanted.message) : message == wanted.message
        #expect(Int(field("grpc-status")) == wanted.code && fits, "\(pair.path) \(pair.hex): \(field("grpc-status")) \(message)")
      }
    }
  }
}
