import Keyspace
import Primitives
import Store

/// The lab's layout, `prod-1 prod-2 | ldr-1 ldr-2 | rdr-1`, and two hosts that may join.
enum Layout {
  static let names: [String] = ["prod-1", "prod-2", "ldr-1", "ldr-2", "rdr-1", "rdr-2", "ldr-3"]
  static let hostCount: Int = 7
  /// The first so many found the cluster.
  static let founderCount: Int = 5
  static let centers: [[Int]] = [[0, 1], [2, 3, 6], [4, 5]]
  static let centerNames: [String] = ["production", "local-dr", "remote-dr"]
  static let centerOf: [Int] = [0, 0, 1, 1, 2, 2, 1]
  static let cities: [String] = ["east", "west"]
  static let hostsOfCity: [[Int]] = [[0, 1, 2, 3, 6], [4, 5]]
  static func city(_ host: Int) -> String { centerOf[host] == 2 ? "west" : "east" }
  static func priority(_ host: Int) -> Int { 3 - centerOf[host] }
  static func url(_ host: Int) -> String { "https://\(names[host]):2380" }

  static let founders: [StoreMember] = (0..<founderCount).map { host in
    StoreMember(
      id: MemberID(UInt64(host) + 1), name: HostName(names[host]), center: CenterName(centerNames[centerOf[host]]), city: city(host),
      role: .voter, priority: priority(host), peerHost: names[host], peerPort: 2380)
  }

  /// As one that joins is told.
  static func member(_ record: MemberRecord) -> StoreMember {
    let host: Int = names.indices.first { url($0) == record.peerURLs.first } ?? 0
    return StoreMember(
      id: record.id, name: HostName(names[host]), center: CenterName(centerNames[centerOf[host]]), city: city(host),
      role: record.role == .voter ? .voter : .learner, priority: priority(host), peerHost: names[host], peerPort: 2380)
  }

  /// One way, in microseconds: 0.1 ms within a center, 1 ms within the city, 15 ms to the other.
  static func delay(_ from: Int, _ to: Int) -> Int64 {
    let (a, b): (Int, Int) = (centerOf[from], centerOf[to])
    if a == b { return 100 }
    return a == 2 || b == 2 ? 15_000 : 1_000
  }
}
