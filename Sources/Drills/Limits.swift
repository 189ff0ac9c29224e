import Primitives

enum DrillLimits {
  /// Requests of the client under way at once; one that is due beyond that is counted as failed.
  static let outstandingRequests: Int = 200
  static let requestTimeout: Duration = .seconds(1)
  static let writeTimeout: Duration = .seconds(1)
  /// Acknowledged writes that a drill can note.
  static let acknowledgedWrites: Int = 500_000
  static let timelineEntries: Int = 2_000
  static let runbookSteps: Int = 500
}
