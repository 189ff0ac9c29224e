import Journal
import Keyspace
import Logging
import NIOCore
import NIOPosix
import Observability
import Primitives

extension Store {
  /// Stops the member, lets `work` have its folder, and starts it again from what is there then; the process, its listeners and who holds
  /// this `Store` go on. Callers are told `.unavailable` meanwhile, watches end. What `work` throws is thrown after the restart.
  func restart<Value: Sendable>(
    _ reason: String, _ work: @escaping @Sendable (StoreConfiguration, any Disk) throws -> Value
  ) async throws -> Value {
    let journal: any MemberJournal = try await eventLoop.submit { () throws -> any MemberJournal in
      guard let core: MemberCore = self.core.value else {
        throw StoreError(.wrongState, "this member is not running, or is being restarted")
      }
      core.logger.notice("member restarts", metadata: ["reason": "\(reason)"])
      self.core.value = nil
      self.ticking.value?.cancel()
      self.ticking.value = nil
      return core.stop(because: "this member restarts: \(reason)", isForGood: false)
    }.get()
    await withCheckedContinuation { continuation in journal.close { continuation.resume() } }
    let (configuration, disk): (StoreConfiguration, any Disk) = (configuration, disk)
    let result: Result<Value, any Error> = await Self.onThread { try work(configuration, disk) }
    do { try await open() } catch {
      eventLoop.execute { self.board.fail("this member could not be started again: \(error)") }
      throw error
    }
    if isStopped.load(ordering: .relaxed) { await stop() }
    return try result.get()
  }

  private static func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async -> Result<Value, any Error> {
    do { return .success(try await NIOThreadPool.singleton.runIfActive(body)) } catch { return .failure(error) }
  }

  /// Another member is of a newer epoch, and says where it began: on the loop.
  func onSuperseded(_ proof: Bytes) {
    guard let core: MemberCore = core.value, let recoveries: [Recovery] = try? Recovery.list(proof),
      let newest: Recovery = recoveries.last, newest.epoch > core.epoch.epoch
    else { return }
    let logger: Logger = core.logger
    Task {
      do {
        let result: Rejoining.Result? = try await restart("the cluster went on without it, epoch \(newest.epoch) of \(newest.time.rfc3339)")
        {
          try Rejoining.carryOut(recoveries, $0, $1)
        }
        guard let result else { return }
        logger.warning(
          "rejoins an epoch that began without it; what it alone had stands in its folder",
          metadata: [
            "epoch": "\(newest.epoch)", "file": "\(configuration.directory)/\(result.file)", "writes": "\(result.writes.total)",
            "after-revision": "\(result.recovery.lastRevision)",
          ])
      } catch {
        logger.error("cannot rejoin the cluster's epoch \(newest.epoch)", metadata: ["reason": "\(error)"])
      }
    }
  }
}

extension Recovery {
  /// Tells it from another that was ordered under the same number elsewhere.
  var mark: UInt64 { StoreIdentity.epochMark(epoch: epoch, index: index, term: term, time: time, by: by) }

  /// As members of an older epoch are told them.
  static func encode(_ recoveries: [Recovery]) -> Bytes {
    var writer = ByteWriter()
    writer.byte(1)
    writer.count(recoveries.count)
    for recovery in recoveries { recovery.encode(to: &writer) }
    return writer.take()
  }

  static func list(_ bytes: Bytes) throws -> [Recovery] {
    var reader = ByteReader(bytes)
    let version: UInt8 = try reader.byte()
    guard version == 1 else { throw reader.malformed("recoveries of version \(version): upgrade this member") }
    var recoveries: [Recovery] = []
    for _ in 0..<(try reader.count(minimumSize: 8)) { recoveries.append(try Recovery(from: &reader)) }
    try reader.finish()
    return recoveries
  }
}
