/// What the console may cost, however many people watch it.
enum ConsoleLimits {
  /// One look at the apiserver serves everybody who asks within this time.
  static let look: Duration = .milliseconds(500)
  /// A kind that is not listed by then is shown as it was last, with its age.
  static let patience: Duration = .seconds(2)
  static let podsPerNode: Int = 200
  static let events: Int = 40
  static let failovers: Int = 20
}
