/// A number or a string: a port by number or name, a count or a percentage.
public enum IntOrString: Hashable, Sendable, CustomStringConvertible {
  case int(Int64)
  case string(String)

  public init?(json: JSONValue) {
    switch json {
    case .int(let number): self = .int(number)
    case .string(let text): self = .string(text)
    default: return nil
    }
  }

  public var json: JSONValue {
    switch self {
    case .int(let number): .int(number)
    case .string(let text): .string(text)
    }
  }

  public var description: String {
    switch self {
    case .int(let number): String(number)
    case .string(let text): text
    }
  }

  /// The percentage of a string such as `25%`; nil for anything else.
  public var percentage: Int64? {
    guard case .string(let text) = self, text.hasSuffix("%"), let number: Int64 = Int64(text.dropLast()), text.first != "+" else {
      return nil
    }
    return number
  }

  /// The count itself, or the percentage of `total` rounded as asked; nil for a string that is no percentage.
  public func scaled(of total: Int64, roundingUp: Bool) -> Int64? {
    if case .int(let number) = self { return number }
    guard let percentage else { return nil }
    let product: Int64 = percentage.multipliedReportingOverflow(by: total).partialValue
    return roundingUp ? (product + 99) / 100 : product / 100
  }
}
