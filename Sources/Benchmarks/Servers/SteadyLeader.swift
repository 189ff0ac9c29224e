import HTTP
import NIOCore
import Primitives

extension RunningStore {
  /// A member and the id by which the store calls it.
  struct Leader: Sendable {
    var member: Int
    /// Of all members, in their order.
    var ids: [UInt64]
  }

  /// Who leads, once all say the same and have nearly the same log. Throws `.server` after a minute without that.
  func steadyLeader(_ loop: any EventLoop) async throws -> Leader {
    let clock = SystemClock()
    let deadline: MonotonicTime = clock.now() + .seconds(60)
    while clock.now() < deadline {
      for process in processes where !process.isAlive { throw process.gone }
      var answers: [MemberAnswer] = []
      for member in target.members.indices {
        if let bytes: ByteBuffer = try? await OneCall.ask(
          Requests.statusPath, .grpcMessage { _ in }, member: member, of: target, on: loop),
          let answer: MemberAnswer = try? MemberAnswer(bytes)
        {
          answers.append(answer)
        }
      }
      let indexes: [UInt64] = answers.map(\.raftIndex)
      if answers.count == target.members.count, let leader: UInt64 = answers.first?.leader, leader != 0,
        answers.allSatisfy({ $0.leader == leader }), let low: UInt64 = indexes.min(), let high: UInt64 = indexes.max(), high - low < 50,
        let index: Int = answers.firstIndex(where: { $0.member == leader })
      {
        return Leader(member: index, ids: answers.map(\.member))
      }
      try await Task.sleep(for: .milliseconds(200))
    }
    throw BenchmarkError(.server, "\(program.name): the members do not agree on a leader within 60 s.")
  }
}

/// What is used of etcd's `StatusResponse`.
private struct MemberAnswer {
  var member: UInt64 = 0
  var leader: UInt64 = 0
  var raftIndex: UInt64 = 0

  init(_ bytes: ByteBuffer) throws {
    var reader = ProtobufReader(bytes)
    while let field: ProtobufReader.Field = try reader.next() {
      switch field.number {
      case 1:
        var header: ProtobufReader = try reader.message(field)
        while let inner: ProtobufReader.Field = try header.next() {
          if inner.number == 2 { member = try header.uint64(inner) } else { try header.skip(inner) }
        }
      case 4: leader = try reader.uint64(field)
      case 5: raftIndex = try reader.uint64(field)
      default: try reader.skip(field)
      }
    }
  }
}
