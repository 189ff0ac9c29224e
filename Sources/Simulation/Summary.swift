/// What many histories came to, in words.
extension SeedRunner.Totals {
  /// - Parameter seconds: that they took together.
  public func summary(seconds: Double) -> String {
    func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }
    var lines: [String] = [
      "\(seeds) histories in \(rounded(seconds)) s (\(rounded(Double(seeds) / max(0.001, seconds))) per second), \(failures.count) failed",
      "\(rounded(simulatedSeconds)) s simulated, \(events) events, \(messages) messages, \(relayed) of them relayed",
      "\(acknowledgedWrites) writes and \(servedReads) reads answered, \(unknownOutcomes) without a known outcome, \(watchEvents) watch events",
      "\(elections) elections, \(crashes) crashes, \(tornWrites) torn writes, \(snapshotsInstalled) snapshots installed, \(changes) changes of members",
      "bad disks: \(damagesFound) damaged logs, \(repairs) repaired, \(tailsLost) lost the end of a log unseen, \(fullDisks) were full for a while, \(stoppedByDisk) failed",
    ]
    lines.append(
      "\(recoveries) recoveries of a lost majority, \(handedIn) writes handed in by members that returned, \(stranded) survivors stranded")
    if undecidedKeys > 0 { lines.append("\(undecidedKeys) keys whose order was not found within the steps allowed") }
    let times: [Double] = failoverMilliseconds
    if let first = times.first, let last = times.last {
      lines.append(
        "production's death to a new leader: \(Int(first)) … \(Int(times[times.count / 2])) … \(Int(last)) ms (least, median, most of \(times.count))"
      )
    }
    return lines.joined(separator: "\n")
  }
}
