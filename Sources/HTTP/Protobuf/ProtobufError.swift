import Primitives

public enum ProtobufDomain: FaultDomain { public static let name = "protobuf" }
public typealias ProtobufError = Fault<ProtobufDomain>

extension Fault<ProtobufDomain>.Code {
  /// The bytes end inside a field.
  public static let truncated = Self("truncated")
  /// A varint of more than ten bytes, or one that does not fit 64 bits.
  public static let badVarint = Self("badVarint")
  /// Field number 0, or a wire type that proto3 does not have.
  public static let badTag = Self("badTag")
  /// A known field with another wire type than its declaration.
  public static let wrongWireType = Self("wrongWireType")
  /// A string field that is not UTF-8.
  public static let badText = Self("badText")
  /// Messages nested deeper than the limit.
  public static let tooDeep = Self("tooDeep")
}
