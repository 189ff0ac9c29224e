import Primitives
import Site

/// Faults with a deadline. What is in force stands in the lab's folder, so any process may renew, undo or list it.
extension Lab {
  /// Throws `.badInput` with everything that is wrong with it, `.missing` where this lab cannot do it.
  ///
  /// - Parameter id: asked for again under the same one while it is in force, it is the same fault. Nil: one is made up.
  public func inject(_ fault: FaultSpec, id wanted: String? = nil) throws -> FaultHandle {
    var problems: [String] = fault.problems(site)
    if let wanted, !FaultRecords.isID(wanted) { problems.append("\"\(wanted)\" is no id of a fault: letters, digits, hyphens, at most 64") }
    guard problems.isEmpty else { throw LabError(.badInput, "\(fault) cannot be meant: \(problems.joined(separator: "; ")).") }
    let effect: any FaultEffect = fault.kind.effect.init(self, fault)
    // Before the fault: nothing is begun that nobody would end.
    try bringUpFaultKeeper()
    let records = FaultRecords(self)
    return try records.locked {
      if let wanted, let known: FaultHandle = try records.inForce(wanted, self) { return known }
      if let obstacle: String = effect.obstacle() { throw LabError(.missing, "\(fault) cannot be done: \(obstacle).") }
      var random = SystemRandomNumberGenerator()
      let id: String = wanted ?? "\(fault.kind.rawValue)-\(String(UInt32.random(in: .min ... .max, using: &random), radix: 36))"
      var handle = FaultHandle(id: id, fault: fault, sentence: "", until: SystemClock().now() + fault.lease)
      // First the record: what a crash leaves half done is undone by its deadline.
      try records.write(FaultRecord(handle: handle))
      do {
        handle.sentence = try effect.begin(handle)
      } catch {
        _ = try? effect.end(handle)
        records.remove(id)
        throw error
      }
      try records.write(FaultRecord(handle: handle))
      return handle
    }
  }

  /// Its whole lease from now on. Throws `.missing` when it is not in force any more.
  public func renew(_ handle: FaultHandle) throws -> FaultHandle {
    let records = FaultRecords(self)
    return try records.locked {
      guard var known: FaultHandle = records.read(handle.id)?.handle, known.until > SystemClock().now() else {
        throw LabError(.missing, "\(handle.fault) (\(handle.id)) is not in force any more: its lease of \(handle.fault.lease) ran out.")
      }
      known.until = SystemClock().now() + known.fault.lease
      try records.write(FaultRecord(handle: known))
      try known.fault.kind.effect.init(self, known.fault).renew(known)
      return known
    }
  }

  /// Undoes it; one that is not in force any more is no error.
  public func undo(_ handle: FaultHandle) throws -> String {
    let records = FaultRecords(self)
    return try records.locked {
      guard var known: FaultHandle = records.read(handle.id)?.handle else { return "\(handle.fault) had ended by itself" }
      do {
        let said: String = try known.fault.kind.effect.init(self, known.fault).end(known)
        records.remove(handle.id)
        return said
      } catch {
        // The keeper goes on trying.
        known.until = SystemClock().now()
        try records.write(FaultRecord(handle: known))
        throw error
      }
    }
  }

  /// All that are in force, by id.
  public func faults() -> [FaultHandle] {
    let now: MonotonicTime = SystemClock().now()
    return FaultRecords(self).all().map(\.handle).filter { $0.until > now }
  }
}
