import Primitives

/// The lab's layout: `prod-1 prod-2 | ldr-1 ldr-2 | rdr-1`.
enum Layout {
  static let names: [String] = ["prod-1", "prod-2", "ldr-1", "ldr-2", "rdr-1"]
  static let centers: [[Int]] = [[0, 1], [2, 3], [4]]
  static let centerOf: [Int] = [0, 0, 1, 1, 2]
  static let priorities: [MemberID: Int] = [
    MemberID(1): 3, MemberID(2): 3, MemberID(3): 2, MemberID(4): 2, MemberID(5): 1,
  ]
  static let voters: [MemberID] = (1...5).map { MemberID($0) }

  static func id(_ member: Int) -> MemberID { MemberID(UInt64(member) + 1) }
  static func place(_ id: MemberID) -> Int { Int(id.value) - 1 }

  /// One way, in microseconds: 0.1 ms within a center, 1 ms within the city, 15 ms to the other.
  static func delay(_ from: Int, _ to: Int) -> Int64 {
    let (a, b): (Int, Int) = (centerOf[from], centerOf[to])
    if a == b { return 100 }
    return a == 2 || b == 2 ? 15_000 : 1_000
  }
}
