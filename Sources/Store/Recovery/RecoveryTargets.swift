import Consensus
import Journal
import Keyspace
import Primitives

extension FuzzTarget {
  /// What members and tools tell each other when a majority is lost, and what a member's folder keeps of it.
  static var recovery: [FuzzTarget] { [orders, orderAnswers, survivorReports, recoveries, epochRecords, horizons] }

  private static let members: [MemberRecord] = [
    MemberRecord(id: MemberID(1), name: "rdr-1", center: "remote-dr", city: "far", peerURLs: ["https://a:2380"])
  ]
  private static let recoveryExample = Recovery(
    epoch: 2, index: 9, term: 3, runs: [Recovery.TermRun(term: 3, first: 4)], lastRevision: 7, firstRevision: 1_000_007,
    time: WallTime(secondsSince1970: 5), by: "operator")

  private static func writing(_ body: (inout ByteWriter) -> Void) -> Bytes {
    var writer = ByteWriter()
    body(&writer)
    return writer.take()
  }

  /// Bytes that are taken are taken again after they were written, and written as they were the first time.
  private static func stable<Value>(
    _ name: String, corpus: [Bytes], decode: @escaping @Sendable (Bytes) throws -> Value, encode: @escaping @Sendable (Value) -> Bytes
  ) -> FuzzTarget {
    FuzzTarget(name, corpus: corpus) { input throws(FuzzFinding) in
      guard let value: Value = try? decode(input) else { return false }
      let written: Bytes = encode(value)
      guard let again: Value = try? decode(written), encode(again) == written else {
        throw FuzzFinding("what was taken does not come back: \("\(value)".prefix(200))")
      }
      return true
    }
  }

  private static var orders: FuzzTarget {
    let founding: Bytes = writing { writer in
      writer.byte(1)
      writer.byte(3)
      for value in [2, 3, 9] as [UInt64] { writer.unsigned(value) }
      writer.count(1)
      writer.unsigned(3)
      writer.count(1)
      writer.fixed64(2)
      writer.block(KeyspaceCommand.cluster(.adopt(members)).encode())
      writer.signed(5)
      writer.signed(6)
      writer.block(Bytes("operator"))
    }
    let change: Bytes = writing { writer in
      writer.byte(1)
      writer.byte(4)
      writer.block(MemberChange.remove(MemberID(3)).command.encode())
    }
    return stable(
      "store-orders", corpus: [StoreOrder.report.encode(), StoreOrder.follow(epoch: 2, mark: 7).encode(), founding, change],
      decode: { try StoreOrder($0) }, encode: { $0.encode() })
  }

  private static var orderAnswers: FuzzTarget {
    let answers: [StoreOrderAnswer] = [
      StoreOrderAnswer(.success([1, 2])), StoreOrderAnswer(.failure(StoreError(.refused, "a majority is there"))),
    ]
    return stable(
      "store-order-answers", corpus: answers.map { $0.encode() }, decode: { try StoreOrderAnswer($0) }, encode: { $0.encode() })
  }

  private static var survivorReports: FuzzTarget {
    let report: Bytes = writing { writer in
      writer.fixed64(1)
      writer.fixed64(7)
      writer.unsigned(1)
      writer.fixed64(5)
      for value in [1, 2, 3, 9, 8, 3] as [UInt64] { writer.unsigned(value) }
      writer.count(1)
      writer.unsigned(3)
      writer.unsigned(4)
      writer.signed(7)
      writer.signed(8)
      writer.count(1)
      writer.block(Bytes("/registry/"))
      writer.count(4)
      writer.block(KeyspaceCommand.cluster(.adopt(members)).encode())
      writer.count(1)
      writer.fixed64(1)
      writer.fixed64(0)
      writer.byte(1)
      writer.unsigned(9)
      writer.signed(8)
      writer.signed(5)
      writer.signed(6)
    }
    return FuzzTarget("survivor-reports", corpus: [report]) { input throws(FuzzFinding) in
      guard let report = try? SurvivorReport(input) else { return false }
      let written: Bytes = report.encode()
      guard let again = try? SurvivorReport(written), again.encode() == written else {
        throw FuzzFinding("what was taken does not come back: \("\(report)".prefix(200))")
      }
      // And whatever reports say, a plan is made of them or refused.
      guard let plan = try? RecoveryPlan(center: "remote-dr", clusterName: "bank", reports: [report, again]) else { return true }
      let certificate = RecoveryCertificate(
        plan, center: "remote-dr", time: WallTime(secondsSince1970: 5), by: "operator", isDryRun: true)
      _ = (certificate.text, certificate.json)
      return true
    }
  }

  private static var recoveries: FuzzTarget {
    .whole("recoveries", corpus: [Recovery.encode([recoveryExample]), Recovery.encode([])]) { try Recovery.list($0) }
  }

  /// The file with its checksum made good: what is behind it comes from a disk.
  private static var epochRecords: FuzzTarget {
    let example: Bytes = writing { writer in
      writer.byte(2)
      writer.unsigned(3)
      writer.byte(3)
      writer.fixed64(9)
    }
    return .whole("epoch-records", corpus: [example]) { try EpochRecord($0) }
  }

  private static var horizons: FuzzTarget {
    let example: Bytes = writing { writer in
      writer.unsigned(3)
      writer.unsigned(9)
      writer.signed(7)
      writer.count(1)
      writer.fixed64(1)
      writer.byte(1)
      for value in [9, 0, 0, 0, 1] as [UInt64] { writer.unsigned(value) }
      writer.count(1)
      writer.block(Bytes("far"))
      for value in [9, 0, 0, 0] as [UInt64] { writer.unsigned(value) }
    }
    return .whole("leader-horizons", corpus: [example]) {
      var reader = ByteReader($0)
      let horizon = try LeaderHorizon(from: &reader)
      try reader.finish()
      return horizon
    }
  }
}
