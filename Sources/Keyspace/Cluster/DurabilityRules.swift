import Primitives

/// Which writes must have come how far before they are acknowledged: by the longest prefix of the key, and for all other keys.
public struct DurabilityRules: Hashable, Sendable {
  public struct Rule: Hashable, Sendable {
    public var prefix: Bytes
    public var durability: Durability
    public init(prefix: Bytes, durability: Durability) {
      self.prefix = prefix
      self.durability = durability
    }
  }
  /// nil: what the member that takes the write is configured with.
  public var standard: Durability?
  public var rules: [Rule]

  public init(standard: Durability? = nil, rules: [Rule] = []) {
    self.standard = standard
    self.rules = rules
  }

  public var isEmpty: Bool { standard == nil && rules.isEmpty }

  /// For a key; a key that no rule names is as safe as `fallback` says.
  public func durability(of key: Bytes, fallback: Durability) -> Durability {
    var found: Rule?
    for rule in rules where rule.prefix.count > found?.prefix.count ?? -1 && key.starts(with: rule.prefix) { found = rule }
    return found?.durability ?? standard ?? fallback
  }

  /// The strictest of all keys that a transaction may write. A range that is deleted counts by its first key.
  public func durability(of request: TransactionRequest, fallback: Durability) -> Durability {
    guard !rules.isEmpty else { return standard ?? fallback }
    var strictest: Durability = .centerSafe
    for operation in request.success + request.failure {
      let one: Durability
      switch operation {
      case .range: continue
      case .put(let put): one = durability(of: put.key, fallback: fallback)
      case .delete(let delete): one = durability(of: delete.range.key, fallback: fallback)
      case .transaction(let nested): one = durability(of: nested, fallback: fallback)
      }
      if one.strictness > strictest.strictness { strictest = one }
    }
    return strictest
  }

  func encode(to writer: inout ByteWriter) {
    writer.byte(standard.map { $0.rawValue + 1 } ?? 0)
    writer.count(rules.count)
    for rule in rules {
      writer.block(rule.prefix)
      writer.byte(rule.durability.rawValue)
    }
  }

  init(from reader: inout ByteReader) throws(MalformedBytes) {
    let byte: UInt8 = try reader.byte()
    let standard: Durability? = byte == 0 ? nil : Durability(rawValue: byte - 1)
    guard byte == 0 || standard != nil else { throw reader.malformed("unknown durability") }
    var rules: [Rule] = []
    for _ in 0..<(try reader.count(minimumSize: 2)) {
      let prefix: Bytes = try reader.block()
      guard let durability = Durability(rawValue: try reader.byte()) else { throw reader.malformed("unknown durability") }
      rules.append(Rule(prefix: prefix, durability: durability))
    }
    self.init(standard: standard, rules: rules)
  }
}

extension Durability {
  /// `auto` is stricter than `centerSafe` and laxer than `citySafe`.
  public var strictness: Int {
    switch self {
    case .centerSafe: 0
    case .auto: 1
    case .citySafe: 2
    }
  }

  /// As people write it: `center-safe`, `city-safe`, `auto`.
  public init?(name: some StringProtocol) {
    switch name {
    case "center-safe": self = .centerSafe
    case "city-safe": self = .citySafe
    case "auto": self = .auto
    default: return nil
    }
  }
  public var name: String {
    switch self {
    case .centerSafe: "center-safe"
    case .citySafe: "city-safe"
    case .auto: "auto"
    }
  }
}
