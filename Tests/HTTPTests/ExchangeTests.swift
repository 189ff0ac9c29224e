import HTTP
import HTTPTypes
import NIOCore
import Synchronization
import Testing

final class Began: Sendable { let flag: Atomic<Bool> = Atomic(false) }

/// One body per test, every transport.
@Suite struct ExchangeTests {
  @Test(arguments: Way.allCases) func answersAWholeResponse(_ way: Way) async throws {
    try await withWorld(way) { world in
      let response: ClientResponse = try await world.transport.execute(request(.get, "/hello"), body: nil)
      #expect(response.head.status == .ok)
      #expect(response.head.headerFields[.contentType] == "text/plain")
      #expect(try await response.body.text() == "hello GET")
    }
  }

  @Test(arguments: Way.allCases) func carriesBodiesBothWays(_ way: Way) async throws {
    try await withWorld(way) { world in
      let bytes = ByteBuffer(bytes: (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
      let response: ClientResponse = try await world.transport.execute(request(.post, "/echo"), body: bytes)
      #expect(try await response.body.collect(upTo: 4_000_000) == bytes)
    }
  }

  @Test(arguments: Way.allCases) func streamsWithoutALengthAndReusesTheConnection(_ way: Way) async throws {
    try await withWorld(way) { world in
      for _ in 0..<20 {
        let response: ClientResponse = try await world.transport.execute(request(.get, "/count"), body: nil)
        #expect(try await response.body.text() == "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n")
      }
      if let server = world.server { #expect(server.connections == 1) }
    }
  }

  @Test(arguments: Way.allCases) func servesManyAtOnce(_ way: Way) async throws {
    try await withWorld(way) { world in
      try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<200 {
          group.addTask { try await world.transport.execute(request(.get, "/hello"), body: nil).body.text() }
        }
        for try await text in group { #expect(text == "hello GET") }
      }
    }
  }

  @Test(arguments: Way.allCases) func aBodyOverTheLimitIs413(_ way: Way) async throws {
    try await withWorld(way) { world in
      let response: ClientResponse = try await world.transport.execute(
        request(.post, "/small"), body: ByteBuffer(repeating: 1, count: 1000))
      #expect(response.head.status == .contentTooLarge)
      let next: ClientResponse = try await world.transport.execute(request(.post, "/small"), body: ByteBuffer(string: "small"))
      #expect(try await next.body.text() == "fits")
    }
  }

  @Test(arguments: Way.allCases) func aResponderThatThrowsOrForgetsIs500(_ way: Way) async throws {
    try await withWorld(way) { world in
      for path in ["/throws", "/silent"] {
        let response: ClientResponse = try await world.transport.execute(request(.get, path), body: nil)
        #expect(response.head.status == .internalServerError)
      }
    }
  }

  @Test(arguments: Way.allCases) func aResponderThatThrowsLateBreaksTheStream(_ way: Way) async throws {
    try await withWorld(way) { world in
      let response: ClientResponse = try await world.transport.execute(request(.get, "/throws-late"), body: nil)
      #expect(response.head.status == .ok)
      await #expect(throws: HTTPError(.connectionLost, "")) { _ = try await response.body.text() }
      #expect(try await world.transport.execute(request(.get, "/hello"), body: nil).body.text() == "hello GET")
    }
  }

  @Test(arguments: Way.allCases) func headHasNoBody(_ way: Way) async throws {
    guard way != .inProcess else { return }
    try await withWorld(way) { world in
      let response: ClientResponse = try await world.transport.execute(request(.head, "/hello"), body: nil)
      #expect(response.head.headerFields[.contentLength] == "10")
      #expect(try await response.body.text() == "")
      #expect(try await world.transport.execute(request(.get, "/hello"), body: nil).body.text() == "hello GET")
    }
  }

  @Test(arguments: Way.allCases) func droppingTheBodyCancelsTheResponder(_ way: Way) async throws {
    try await withWorld(way) { world in
      do {
        let response: ClientResponse = try await world.transport.execute(request(.get, "/wait"), body: nil)
        _ = try await response.body.next()
      }
      try await eventually("the responder is cancelled") { world.responder.seen.cancelled.load(ordering: .sequentiallyConsistent) == 1 }
    }
  }

  @Test(arguments: Way.allCases) func cancellingTheTaskCancelsTheResponder(_ way: Way) async throws {
    try await withWorld(way) { world in
      let began = Began()
      let task = Task {
        let response: ClientResponse = try await world.transport.execute(request(.get, "/wait"), body: nil)
        while try await response.body.next() != nil { began.flag.store(true, ordering: .releasing) }
      }
      try await eventually("the response begins") { began.flag.load(ordering: .acquiring) }
      task.cancel()
      await #expect(throws: (any Error).self) { try await task.value }
      try await eventually("the responder is cancelled") {
        world.responder.seen.cancelled.load(ordering: .sequentiallyConsistent) == 1
      }
    }
  }

  @Test(arguments: Way.allCases) func aReaderThatStopsStopsTheWriter(_ way: Way) async throws {
    try await withWorld(way) { world in
      let response: ClientResponse = try await world.transport.execute(request(.get, "/endless"), body: nil)
      _ = try await response.body.next()
      var last: Int = -1
      // Still: twice the same count with time for thousands of writes between.
      while true {
        try await Task.sleep(for: .milliseconds(50))
        let written: Int = world.responder.seen.written.load(ordering: .relaxed)
        if written == last { break }
        last = written
      }
      #expect(last < 32 << 20)
      for _ in 0..<300 { _ = try await response.body.next() }
      try await eventually("writing goes on") { world.responder.seen.written.load(ordering: .relaxed) > last }
    }
  }

  @Test(arguments: [Way.http1, .http2, .unixHTTP2]) func streamsARequestWhileItsResponseStreams(_ way: Way) async throws {
    try await withWorld(way) { world in
      let client: HTTPClient = try #require(world.client)
      let stream: ClientStream = try await client.open(request(.post, "/stream"))
      try await stream.write(ByteBuffer(string: "one"))
      #expect(try await stream.response().status == .ok)
      #expect(try await stream.next() == ByteBuffer(string: "one"))
      try await stream.write(ByteBuffer(string: "two"))
      #expect(try await stream.next() == ByteBuffer(string: "two"))
      try await stream.finish()
      #expect(try await stream.next() == nil)
      #expect(stream.trailers?[.init("x-checksum")!] == "42")
    }
  }
}
