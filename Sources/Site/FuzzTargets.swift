import Primitives

extension FuzzTarget {
  /// Addresses as people write them.
  public static var site: [FuzzTarget] {
    [
      FuzzTarget(
        "ip-ranges", corpus: [Bytes("10.0.0.0/8"), Bytes("fd00::/64"), Bytes("::ffff:1.2.3.0/120")],
        words: ["::", "/", ".", ":"].map { Bytes($0) }
      ) {
        input throws(FuzzFinding) in
        guard case .success(let range) = IPRange.parse(input.text) else { return false }
        guard case .success(let again) = IPRange.parse(range.description), again == range else {
          throw FuzzFinding("\(range) does not come back")
        }
        return true
      }
    ]
  }
}
