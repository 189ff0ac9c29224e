import Primitives

extension Quantity {
  /// The sentence that Kubernetes refuses a malformed quantity with.
  public static let formatMessage: String =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"

  /// Reads `<sign><digits>[.<digits>]<suffix>`; nil for anything else.
  public init?(_ text: String) {
    var bytes: ArraySlice<UInt8> = Bytes(text)[...]
    let negative: Bool = bytes.first == UInt8(ascii: "-")
    if negative || bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
    func digits() -> ArraySlice<UInt8> {
      let end: Int = bytes.firstIndex { $0 < 48 || $0 > 57 } ?? bytes.endIndex
      defer { bytes = bytes[end...] }
      return bytes[..<end]
    }
    let whole: ArraySlice<UInt8> = digits()
    var fraction: ArraySlice<UInt8> = []
    if bytes.first == UInt8(ascii: ".") {
      bytes.removeFirst()
      fraction = digits()
    }
    guard !whole.isEmpty || !fraction.isEmpty, let unit: Unit = Unit(Bytes(bytes)) else { return nil }
    let magnitude: Int128 = unit.nano(whole: whole, fraction: fraction)
    self.init(nano: negative ? -magnitude : magnitude, format: unit.format)
  }

  private struct Unit {
    let format: Format
    /// The number counts times `base` to `exponent`.
    let base: Int
    let exponent: Int

    init?(_ suffix: Bytes) {
      switch suffix.text {
      case "": self.init(.decimalSI, 10, 0)
      case "n": self.init(.decimalSI, 10, -9)
      case "u": self.init(.decimalSI, 10, -6)
      case "m": self.init(.decimalSI, 10, -3)
      case "k": self.init(.decimalSI, 10, 3)
      case "M": self.init(.decimalSI, 10, 6)
      case "G": self.init(.decimalSI, 10, 9)
      case "T": self.init(.decimalSI, 10, 12)
      case "P": self.init(.decimalSI, 10, 15)
      case "E": self.init(.decimalSI, 10, 18)
      case "Ki": self.init(.binarySI, 2, 10)
      case "Mi": self.init(.binarySI, 2, 20)
      case "Gi": self.init(.binarySI, 2, 30)
      case "Ti": self.init(.binarySI, 2, 40)
      case "Pi": self.init(.binarySI, 2, 50)
      case "Ei": self.init(.binarySI, 2, 60)
      default:
        guard suffix.count > 1, suffix.count < 12, suffix[0] | 0x20 == UInt8(ascii: "e"),
          let power: Int = Int(Bytes(suffix.dropFirst()).text)
        else { return nil }
        self.init(.decimalExponent, 10, power)
      }
    }

    private init(_ format: Format, _ base: Int, _ exponent: Int) {
      self.format = format
      self.base = base
      self.exponent = exponent
    }

    func nano(whole: ArraySlice<UInt8>, fraction: ArraySlice<UInt8>) -> Int128 {
      base == 10 ? decimal(whole + fraction, exponent - fraction.count + 9) : binary(whole, fraction)
    }

    /// DIGITS times ten to `shift`, rounded up, capped.
    private func decimal(_ digits: ArraySlice<UInt8>, _ shift: Int) -> Int128 {
      let significant: ArraySlice<UInt8> = digits.drop { $0 == 48 }
      guard !significant.isEmpty else { return 0 }
      guard significant.count + shift <= 30 else { return largest }
      guard significant.count + shift > 0 else { return 1 }
      var value: Int128 = 0
      for digit in significant.prefix(significant.count + min(0, shift)) { value = value * 10 + Int128(digit - 48) }
      for _ in 0..<max(0, shift) { value *= 10 }
      if shift < 0, significant.suffix(-shift).contains(where: { $0 != 48 }) { value += 1 }
      return value
    }

    private func binary(_ whole: ArraySlice<UInt8>, _ fraction: ArraySlice<UInt8>) -> Int128 {
      let integer: Int128 = decimal(whole, 0)
      guard integer <= Int128(Int64.max) >> Int128(exponent) else { return largest }
      // Eighteen digits of the fraction are exact; whatever follows rounds up.
      var part: Int128 = 0
      for place in 0..<18 { part = part * 10 + (place < fraction.count ? Int128(fraction[fraction.startIndex + place] - 48) : 0) }
      if fraction.dropFirst(18).contains(where: { $0 != 48 }) { part += 1 }
      return (integer << Int128(exponent)) * 1_000_000_000 + divideUp(part << Int128(exponent), 1_000_000_000)
    }
  }
}
