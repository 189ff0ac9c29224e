import Primitives

/// A fixed-point number with a unit: `500m`, `1.5Gi`, `12e6`. Exact from a billionth up to 2^63 - 1, as the API documents it: what is
/// finer is rounded away from zero, what is larger is capped.
/// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
public struct Quantity: Hashable, Comparable, Sendable {
  /// How the number was written, which decides how it is written back.
  public enum Format: Sendable {
    case decimalExponent  // 12e6
    case binarySI  // 12Mi
    case decimalSI  // 12M
  }

  /// Billionths.
  private(set) var nano: Int128
  public let format: Format

  static let largest: Int128 = Int128(Int64.max) * 1_000_000_000

  init(nano: Int128, format: Format) {
    self.nano = min(max(nano, -Self.largest), Self.largest)
    self.format = format
  }

  public init(_ value: Int64, format: Format = .decimalSI) { self.init(nano: Int128(value) * 1_000_000_000, format: format) }
  public init(milli: Int64, format: Format = .decimalSI) { self.init(nano: Int128(milli) * 1_000_000, format: format) }
  public static let zero = Quantity(0)

  /// A string or a number from an object's tree; nil if it is neither or not a quantity.
  public init?(json: JSONValue) {
    switch json {
    case .string(let text): self.init(text)
    case .int(let number): self.init(number)
    case .double(let number): self.init(JSONNumbers.text(number))
    default: return nil
    }
  }

  /// Whole units, rounded away from zero: what a container's memory limit or a replica count is taken from.
  public var value: Int64 { Int64(Self.divideUp(nano, 1_000_000_000)) }
  /// Thousandths, rounded away from zero; capped at Int64's range.
  public var milliValue: Int64 { Int64(clamping: Self.divideUp(nano, 1_000_000)) }
  public var isZero: Bool { nano == 0 }
  public var isNegative: Bool { nano < 0 }
  /// Neither negative nor fractional: what counts of things must be.
  public var isWhole: Bool { nano % 1_000_000_000 == 0 }

  public static func + (left: Self, right: Self) -> Self {
    Self(nano: left.nano + right.nano, format: left.nano == 0 ? right.format : left.format)
  }
  public static func - (left: Self, right: Self) -> Self {
    Self(nano: left.nano - right.nano, format: left.nano == 0 ? right.format : left.format)
  }
  public static func += (left: inout Self, right: Self) { left = left + right }
  public static func -= (left: inout Self, right: Self) { left = left - right }
  public static func < (left: Self, right: Self) -> Bool { left.nano < right.nano }
  /// Equal amounts, however they are written.
  public static func == (left: Self, right: Self) -> Bool { left.nano == right.nano }
  public func hash(into hasher: inout Hasher) { hasher.combine(nano) }

  static func divideUp(_ value: Int128, _ divisor: Int128) -> Int128 {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder == 0 ? quotient : quotient + (value < 0 ? -1 : 1)
  }
}

extension Quantity: CustomStringConvertible {
  /// The canonical form: no fraction, the largest unit that keeps the number whole, the family of units it was written in (decimal if a
  /// binary one would lose something).
  public var description: String {
    guard nano != 0 else { return "0" }
    if format == .binarySI, isWhole, nano.magnitude >= 1024 * 1_000_000_000 {
      var mantissa: Int128 = nano / 1_000_000_000
      var power: Int = 0
      while mantissa % 1024 == 0, power < 6 {
        mantissa /= 1024
        power += 1
      }
      return "\(mantissa)\(["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][power])"
    }
    var mantissa: Int128 = nano
    var exponent: Int = -9
    while mantissa % 1000 == 0, exponent < 18 {
      mantissa /= 1000
      exponent += 3
    }
    if format == .decimalExponent { return exponent == 0 ? "\(mantissa)" : "\(mantissa)e\(exponent)" }
    return "\(mantissa)\(["n", "u", "m", "", "k", "M", "G", "T", "P", "E"][exponent / 3 + 3])"
  }
}
