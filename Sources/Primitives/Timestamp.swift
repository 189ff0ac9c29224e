/// RFC 3339 in UTC without Foundation: Kubernetes `Time` (whole seconds) and `MicroTime` (six digits).
extension WallTime {
  public var rfc3339: String { Self.text(secondsSince1970, fraction: nil) }
  public var rfc3339Micro: String { Self.text(secondsSince1970, fraction: Int(nanoseconds) / 1000) }

  private static func text(_ seconds: Int64, fraction: Int?) -> String {
    // Whatever it is: others say times, too.
    let isBefore: Bool = seconds % 86_400 < 0
    let days: Int64 = seconds / 86_400 - (isBefore ? 1 : 0)
    let rest: Int64 = seconds % 86_400 + (isBefore ? 86_400 : 0)
    // Days to civil date: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let z: Int64 = days + 719_468
    let era: Int64 = (z >= 0 ? z : z - 146_096) / 146_097
    let dayOfEra: Int64 = z - era * 146_097
    let yearOfEra: Int64 = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear: Int64 = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted: Int64 = (5 * dayOfYear + 2) / 153
    let day: Int64 = dayOfYear - (153 * shifted + 2) / 5 + 1
    let month: Int64 = shifted < 10 ? shifted + 3 : shifted - 9
    let year: Int64 = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func pad(_ value: Int64, _ width: Int = 2) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    var text: String = "\(pad(year, 4))-\(pad(month))-\(pad(day))T\(pad(rest / 3600)):\(pad(rest / 60 % 60)):\(pad(rest % 60))"
    if let fraction { text += "." + pad(Int64(fraction), 6) }
    return text + "Z"
  }

  /// Reads RFC 3339 with an offset and any number of fraction digits; nil for anything else.
  public init?(rfc3339 text: String) {
    let bytes: Bytes = Array(text.utf8)
    func number(_ from: Int, _ count: Int) -> Int64? {
      guard from + count <= bytes.count else { return nil }
      var value: Int64 = 0
      for byte in bytes[from..<from + count] {
        guard byte >= 48, byte <= 57 else { return nil }
        value = value * 10 + Int64(byte - 48)
      }
      return value
    }
    func at(_ index: Int, _ expected: String) -> Bool {
      index < bytes.count && expected.utf8.contains(bytes[index])
    }
    guard let year = number(0, 4), at(4, "-"), let month = number(5, 2), at(7, "-"), let day = number(8, 2), at(10, "Tt "),
      let hour = number(11, 2), at(13, ":"), let minute = number(14, 2), at(16, ":"), let second = number(17, 2),
      (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
    else { return nil }
    var index: Int = 19
    var nanoseconds: Int32 = 0
    if at(index, ".") {
      index += 1
      var digits: Int = 0
      while index < bytes.count, bytes[index] >= 48, bytes[index] <= 57 {
        if digits < 9 { nanoseconds = nanoseconds * 10 + Int32(bytes[index] - 48) }
        digits += 1
        index += 1
      }
      guard digits > 0 else { return nil }
      for _ in digits..<max(9, digits) { nanoseconds *= 10 }
    }
    var offset: Int64 = 0
    if at(index, "Zz") {
      index += 1
    } else if at(index, "+-"), let hours = number(index + 1, 2), at(index + 3, ":"), let minutes = number(index + 4, 2) {
      offset = (hours * 3600 + minutes * 60) * (bytes[index] == 43 ? 1 : -1)
      index += 6
    } else {
      return nil
    }
    guard index == bytes.count else { return nil }
    let shiftedYear: Int64 = month <= 2 ? year - 1 : year
    let era: Int64 = shiftedYear / 400
    let yearOfEra: Int64 = shiftedYear - era * 400
    let dayOfYear: Int64 = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra: Int64 = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let days: Int64 = era * 146_097 + dayOfEra - 719_468
    self.init(secondsSince1970: days * 86_400 + hour * 3600 + minute * 60 + second - offset, nanoseconds: nanoseconds)
  }
}
