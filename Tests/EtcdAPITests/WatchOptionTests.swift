import HTTP
import Keyspace
import NIOCore
import Primitives
import Testing

@testable import EtcdAPI

/// Filters, fragments and progress, on the wire.
@Suite(.serialized) struct WatchOptionTests {
  private func watch(
    _ server: TestServer, _ create: (inout WatchMessage.Create) -> Void
  ) async throws -> (GRPCClientStream, WatchAnswer) {
    let client = GRPCClient(server.http, scheme: "https", authority: "127.0.0.1")
    let stream: GRPCClientStream = try await client.stream(WatchStream.path)
    var message = WatchMessage.Create()
    message.request = WatchRequest(.prefix(Bytes("w/")))
    create(&message)
    let sent = WatchMessage.create(message)
    try await stream.send { sent.encode(&$0) }
    return (stream, try await next(stream))
  }

  private func next(_ stream: GRPCClientStream) async throws -> WatchAnswer { try WatchAnswer(try #require(try await stream.next())) }

  @Test func oneLargeRevisionIsFragmentedOnlyForWhoAsked() async throws {
    try await withServer { server in
      let (whole, _) = try await watch(server) { _ in }
      let (pieces, _) = try await watch(server) { $0.fragment = true }
      _ = try await server.keyspace.transact(
        TransactionRequest(success: (0..<14).map { .put(PutRequest(key: Bytes("w/\($0)"), value: Bytes(repeating: 1, count: 100_000))) }))
      let all: WatchAnswer = try await next(whole)
      #expect(all.events.count == 14 && !all.fragment)
      var (count, answers): (Int, Int) = (0, 0)
      while true {
        let answer: WatchAnswer = try await next(pieces)
        count += answer.events.count
        answers += 1
        #expect(answer.header.revision == 2)
        if !answer.fragment { break }
      }
      #expect(count == 14 && answers == 2)
      whole.cancel()
      pieces.cancel()
    }
  }

  @Test func filtersAndPreviousValues() async throws {
    try await withServer { server in
      let (deletions, _) = try await watch(server) {
        $0.request.noPut = true
        $0.request.previous = true
      }
      let (puts, _) = try await watch(server) { $0.request.noDelete = true }
      _ = try await server.keyspace.put(Bytes("w/a"), Bytes("1"))
      _ = try await server.keyspace.transact(TransactionRequest(success: [.delete(DeleteRequest(.prefix(Bytes("w/"))))]))
      _ = try await server.keyspace.put(Bytes("w/b"), Bytes("2"))
      let deleted: Event? = try await next(deletions).events.first
      #expect(deleted?.kind == .delete && deleted?.previous?.value == Bytes("1"))
      var seen: [Bytes] = []
      while seen.count < 2 { seen += try await next(puts).events.map(\.keyValue.key) }
      #expect(seen == [Bytes("w/a"), Bytes("w/b")])
      deletions.cancel()
      puts.cancel()
    }
  }

  @Test func progressComesByItselfAndOnRequest() async throws {
    var options = EtcdOptions()
    options.watchProgressInterval = .milliseconds(50)
    try await withServer(options: options) { server in
      let (stream, created) = try await watch(server) { $0.progressNotify = true }
      _ = try await server.keyspace.put(Bytes("elsewhere"), [])
      var told: WatchAnswer = try await next(stream)
      while told.header.revision < 2 { told = try await next(stream) }
      #expect(told.events.isEmpty && told.watchID == created.watchID && !told.canceled)
      stream.cancel()
      let (other, _) = try await watch(server) { _ in }
      try await other.send { WatchMessage.progress.encode(&$0) }
      #expect(try await next(other).watchID == WatchAnswer.wholeStream)
      other.cancel()
    }
  }

  @Test func whatCannotBeWatchedIsCancelledInEtcdsWords() async throws {
    try await withServer { server in
      let (before, answer) = try await watch(server) { $0.request.startRevision = -1 }
      #expect(answer.created && answer.canceled && answer.watchID == -1)
      #expect(answer.cancelReason == "etcdserver: mvcc: required revision has been compacted")
      before.cancel()
    }
  }
}
