/// The one error shape: every module names a domain and gets an open set of codes, a sentence, a cause and the place in
/// the source. Two faults are equal when their codes are equal, so callers and tests match on the code and never on the text.
public protocol FaultDomain: Sendable {
  /// The module's name as it appears in front of the message.
  static var name: String { get }
}

public struct Fault<Domain: FaultDomain>: Error, Sendable, CustomStringConvertible {
  /// An open set: a module adds its codes in an extension (`extension Fault<TLSDomain>.Code { static let … }`).
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let name: String
    public init(_ name: String) { self.name = name }
    public var description: String { name }
  }

  public let code: Code
  /// A sentence for a person: what failed, where, what was tried, what to do.
  public let message: String
  public let cause: (any Error)?
  public let location: String

  public init(
    _ code: Code, _ message: String, cause: (any Error)? = nil, file: String = #fileID, line: Int = #line
  ) {
    self.code = code
    self.message = message
    self.cause = cause
    self.location = "\(file):\(line)"
  }

  public var description: String {
    let text: String = "\(Domain.name): \(message) [\(code)]"
    guard let cause else { return text }
    return text + " because: \(cause)"
  }
}

extension Fault: Equatable {
  public static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
