enum DNSLimits {
  /// RFC 1035 §4.2.1: what every UDP client can take.
  static let plainUDPBytes: Int = 512
  /// What we send to those who say by EDNS that they take more (the value of DNS flag day 2020, below every usual MTU).
  static let ednsUDPBytes: Int = 1_232
  static let queryBytes: Int = 4_096
  static let nameBytes: Int = 255
  static let labelBytes: Int = 63
  static let tcpConnections: Int = 256
  static let tcpIdleSeconds: Int64 = 10
  /// Between two lines of the log about messages that are no questions.
  static let malformedLogSeconds: Int64 = 60
  static let tcpMessageBytes: Int = 65_535
  /// Records of one answer: a headless Service with more ready pods than this answers with these many.
  static let answers: Int = 1_000
}
