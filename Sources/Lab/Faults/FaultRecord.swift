import Glibc
import Primitives
import Site

/// A fault that is in force, as a file in the lab's folder: whoever comes next, after whatever crash, finds it and knows how to undo it.
///
///     KIND \t TARGET \t LEASE \t UNTIL \t SENTENCE \t NAME=VALUE …      (nanoseconds; UNTIL on the machine's monotonic clock)
struct FaultRecord: Hashable, Sendable {
  var handle: FaultHandle

  var text: String {
    let fault: FaultSpec = handle.fault
    let words: [String] = [
      fault.kind.rawValue, fault.target.description, String(fault.lease.inNanoseconds), String(handle.until.nanoseconds), handle.sentence,
    ]
    return (words + fault.parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }).joined(separator: "\t") + "\n"
  }

  init(handle: FaultHandle) { self.handle = handle }

  init?(id: String, text: String, site: Site) {
    let words: [String] = text.split(separator: "\n").first?.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) ?? []
    guard words.count >= 5, let kind = FaultSpec.Kind(rawValue: words[0]), let target = FaultSpec.Target(words[1], site: site),
      let lease = Int64(words[2]), let until = Int64(words[3])
    else { return nil }
    var parameters: [String: String] = [:]
    for word in words.dropFirst(5) {
      guard let equals: String.Index = word.firstIndex(of: "=") else { return nil }
      parameters[String(word[..<equals])] = String(word[word.index(after: equals)...])
    }
    handle = FaultHandle(
      id: id, fault: FaultSpec(kind, target, parameters, lease: .nanoseconds(lease)), sentence: words[4],
      until: MonotonicTime(nanoseconds: until))
  }
}

/// The records of a lab: `faults/ID`. Changed by one process at a time, which holds the folder's lock.
struct FaultRecords: Sendable {
  let folder: String
  let site: Site

  init(_ lab: Lab) {
    folder = lab.directory.faults
    site = lab.site
  }

  func all() -> [FaultRecord] {
    LabDirectory.entries(folder).sorted().compactMap { id in
      LabDirectory.read("\(folder)/\(id)").flatMap { FaultRecord(id: id, text: $0, site: site) }
    }
  }

  func write(_ record: FaultRecord) throws {
    try LabDirectory.make(folder)
    try LabDirectory.write(record.text, to: "\(folder)/\(record.handle.id)")
  }

  /// Ids are names of files, of nftables tables and words on the wide-area element's wire.
  static func isID(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy { ($0 >= 97 && $0 <= 122) || ($0 >= 65 && $0 <= 90) || ($0 >= 48 && $0 <= 57) || $0 == 45 }
  }

  /// The fault of this id, if its time is not over; one whose time is over is undone here rather than waited for.
  func inForce(_ id: String, _ lab: Lab) throws -> FaultHandle? {
    guard let known: FaultHandle = read(id)?.handle else { return nil }
    // Without a sentence whoever began it died in its middle: undone, and begun anew.
    if known.until > SystemClock().now(), !known.sentence.isEmpty { return known }
    _ = try known.fault.kind.effect.init(lab, known.fault).end(known)
    remove(id)
    return nil
  }

  func remove(_ id: String) { unlink("\(folder)/\(id)") }

  func read(_ id: String) -> FaultRecord? {
    guard !id.contains("/"), let text: String = LabDirectory.read("\(folder)/\(id)") else { return nil }
    return FaultRecord(id: id, text: text, site: site)
  }

  /// Runs `body` while nobody else changes the faults of this lab.
  func locked<Result>(_ body: () throws -> Result) throws -> Result {
    try LabDirectory.make(folder)
    let lock: Int32 = open("\(folder)/.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else { throw LabError(.failed, "\(folder)/.lock cannot be opened: \(String(cString: strerror(errno))).") }
    defer { close(lock) }
    while flock(lock, LOCK_EX) != 0 {
      guard errno == EINTR else { throw LabError(.failed, "\(folder)/.lock cannot be locked: \(String(cString: strerror(errno))).") }
    }
    return try body()
  }
}
