import HTTP
import Keyspace
import Primitives

/// The quota, as etcd keeps it: a put that would pass it is refused and raises an alarm, and while the alarm is raised every put is
/// refused. Deletions and compactions go on, so that somebody can make room and disarm it.
extension EtcdService {
  /// What etcd adds for a key's metadata, and for a lease.
  private static let keyOverhead: Int = 256
  private static let leaseOverhead: Int = 64

  func checkSpace(for request: TransactionRequest) throws(GRPCStatus) {
    if options.maxTransactionOperations < KeyspaceLimits.transactionOperations {
      try Self.checkOperations(request, options.maxTransactionOperations)
    }
    if options.maxRequestBytes < KeyspaceLimits.requestBytes,
      KeyspaceCommand.transaction(request).approximateSize > options.maxRequestBytes
    {
      throw .requestTooLarge
    }
    try checkSpace(cost: Self.cost(request))
  }

  /// Those that are raised, and this member's own word that its disk is full, for as long as it is. Nobody has to disarm that: it cannot be
  /// written down, and writes are taken again by themselves once there is space.
  var alarms: Alarms {
    var alarms: Alarms = settings.current().alarms
    if directory.isDiskFull { _ = alarms.raise(Alarms.Alarm(member: directory.memberID.value, kind: .noSpace)) }
    return alarms
  }

  func checkSpaceForLease() throws(GRPCStatus) { try checkSpace(cost: Self.leaseOverhead) }

  private func checkSpace(cost: Int) throws(GRPCStatus) {
    if !settings.isQuiet {
      let alarms: Alarms = settings.current().alarms
      if alarms.isRaised(.corrupt) { throw .corrupt }
      if cost > 0, alarms.isRaised(.noSpace) { throw .noSpace }
    }
    guard cost > 0, let quota: Int64 = options.quota, directory.databaseBytes + Int64(cost) >= quota else { return }
    raise(Alarms.Alarm(member: directory.memberID.value, kind: .noSpace))
    throw .noSpace
  }

  private func raise(_ alarm: Alarms.Alarm) {
    guard commandStore != nil else { return }
    logger.warning("the quota is used up: puts are refused until there is room and the alarm is disarmed")
    Task { try? await changeAlarms { $0.raise(alarm) } }
  }

  /// The bytes that a transaction may add: of its dearer branch.
  private static func cost(_ request: TransactionRequest) -> Int {
    func cost(_ operations: [Operation]) -> Int {
      var sum: Int = 0
      for operation in operations {
        switch operation {
        case .put(let put): sum += keyOverhead + put.key.count + put.value.count
        case .transaction(let nested): sum += Self.cost(nested)
        case .range, .delete: break
        }
      }
      return sum
    }
    return max(cost(request.success), cost(request.failure))
  }

  private static func checkOperations(_ request: TransactionRequest, _ limit: Int) throws(GRPCStatus) {
    let count: Int = max(request.compares.count, request.success.count, request.failure.count)
    guard count <= limit else { throw .tooManyOperations }
    for operation in request.success + request.failure {
      if case .transaction(let nested) = operation { try checkOperations(nested, limit - count) }
    }
  }

  /// Changes the alarms by compare-and-set. Returns false, and writes nothing, if `change` does.
  @discardableResult
  func changeAlarms(_ change: @Sendable (inout Alarms) -> Bool) async throws -> Bool {
    guard let store: any CommandStore = commandStore else { throw EtcdError.unsupported("Alarm") }
    for _ in 0..<EtcdLimits.settingAttempts {
      let setting: Setting = store.setting(Alarms.settingName)
      var alarms: Alarms = setting.version > 0 ? try Alarms(setting.value) : Alarms()
      guard change(&alarms) else { return false }
      do {
        _ = try await store.execute(.set(name: Alarms.settingName, version: setting.version, value: alarms.encode()))
        return true
      } catch let error as KeyspaceError where error.code == .settingChanged {
        // Another member was faster, or this one is behind: a linearizable read brings it up to date.
        _ = try await store.range(RangeRequest(key: [0]))
      }
    }
    throw GRPCStatus(.unavailable, "etcdserver: the alarms change all the time, try again")
  }
}
