import HTTP
import HTTPTypes
import NIOCore
import Synchronization

/// Answers every question that the tests of this module ask of a server.
struct EchoResponder: Responder {
  final class Seen: Sendable {
    let cancelled: Atomic<Int> = Atomic(0)
    let written: Atomic<Int> = Atomic(0)
    let pulled: Atomic<Int> = Atomic(0)
  }
  let seen = Seen()

  func respond(to request: ServerRequest, through response: any ResponseWriter) async throws {
    let path: String = String((request.head.path ?? "/").split(separator: "?")[0])
    switch path {
    case "/hello":
      try await response.respond(.ok, contentType: "text/plain", ByteBuffer(string: "hello \(request.head.method.rawValue)"))
    case "/echo":
      let body: ByteBuffer = try await request.body.collect(upTo: 64 << 20)
      try await response.respond(.ok, contentType: "application/octet-stream", body)
    case "/stream":
      try await response.send(HTTPResponse(status: .ok, headerFields: [.contentType: "text/plain"]))
      while let part: ByteBuffer = try await request.body.next() {
        seen.pulled.wrappingAdd(part.readableBytes, ordering: .relaxed)
        try await response.write(part)
      }
      try await response.finish(trailers: [.init("x-checksum")!: "42"])
    case "/small":
      _ = try await request.body.collect(upTo: 10)
      try await response.respond(.ok, contentType: "text/plain", ByteBuffer(string: "fits"))
    case "/count":
      try await response.send(HTTPResponse(status: .ok))
      for number in 0..<10 { try await response.write(ByteBuffer(string: "\(number)\n")) }
      try await response.finish()
    case "/endless":
      try await response.send(HTTPResponse(status: .ok))
      do {
        while true {
          try await response.write(ByteBuffer(repeating: 120, count: 16_384))
          seen.written.wrappingAdd(16_384, ordering: .relaxed)
        }
      } catch {
        seen.cancelled.wrappingAdd(1, ordering: .sequentiallyConsistent)
        throw error
      }
    case "/wait":
      try await response.send(HTTPResponse(status: .ok))
      try await response.write(ByteBuffer(string: "waiting\n"))
      do {
        try await Task.sleep(for: .seconds(600))
      } catch {
        seen.cancelled.wrappingAdd(1, ordering: .sequentiallyConsistent)
      }
      try await response.finish()
    case "/throws": throw HTTPError(.timeout, "on purpose")
    case "/throws-late":
      try await response.send(HTTPResponse(status: .ok))
      try await response.write(ByteBuffer(string: "begun"))
      throw HTTPError(.timeout, "on purpose")
    case "/silent": return
    case "/peer":
      try await response.respond(.ok, contentType: "text/plain", ByteBuffer(string: request.peer?.commonName ?? "nobody"))
    default: try await response.respond(.notFound, contentType: "text/plain", ByteBuffer(string: "no \(path)"))
    }
  }
}
