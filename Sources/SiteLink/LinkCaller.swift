/// Who gives a command over the link: what the certificate says.
public struct LinkCaller: Hashable, Sendable {
  public var center: String
  public var host: String

  public init(center: String, host: String) {
    self.center = center
    self.host = host
  }
}
