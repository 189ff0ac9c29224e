/// A lease lives at least as long as its holder was promised, its keys go with it at one revision, and it does end.
enum LeaseRules {
  /// `seen`: when the deletion at a revision was first told to a watcher. `until`: when the history ended.
  /// `patience`: how long after its time a lease may still be there; a new leader may give every lease its whole time again.
  static func violations(
    _ leases: [LeaseRecord], _ chronicle: Chronicle, seen: [Int64: Moment], until: Moment, patience: Moment
  ) -> [Violation] {
    leases.flatMap { lease in
      judge(lease, chronicle, seen, until, patience).map { Violation(.leases, "lease \(String(lease.id, radix: 16)) \($0)") }
    }
  }

  private static func judge(
    _ lease: LeaseRecord, _ chronicle: Chronicle, _ seen: [Int64: Moment], _ until: Moment, _ patience: Moment
  ) -> [String] {
    guard let last = lease.renewals.max(by: { $0.begin < $1.begin }) else { return [] }
    var sentences: [String] = []
    let ends: [(key: String, deletion: Change?)] = lease.keys.compactMap { key in
      chronicle.firstPut(of: key).map { (key, chronicle.deletion(of: key, after: $0.revision)) }
    }
    for (key, deletion) in ends {
      guard let deletion else {
        if until > last.end + lease.ttl + patience {
          sentences.append(
            "still holds \(key) \(milliseconds(until - last.end)) ms after its last renewal, granted for \(milliseconds(lease.ttl)) ms")
        }
        continue
      }
      guard let at: Moment = seen[deletion.revision] else { continue }
      // What was promised before the deletion was seen. A renewal that was answered later found no lease, or came to another one.
      let promised: Moment? = lease.renewals.filter { $0.end <= at }.map { $0.begin + lease.ttl }.max()
      let allowed: Moment = min(promised ?? .min, lease.revokedAt ?? .max)
      if at < allowed {
        sentences.append("lost \(key) \(milliseconds(allowed - at)) ms before its time, at revision \(deletion.revision)")
      }
      if let late = lease.renewals.first(where: { $0.begin > at }) {
        sentences.append("was renewed at \(milliseconds(late.begin)) ms, after the end of \(key) was told at \(milliseconds(at)) ms")
      }
    }
    let revisions: Set<Int64> = Set(ends.compactMap { $0.deletion?.revision })
    if revisions.count > 1 { sentences.append("lost its keys at different revisions: \(revisions.sorted())") }
    return sentences
  }
}
