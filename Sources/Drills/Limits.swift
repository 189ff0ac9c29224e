import Primitives

enum DrillLimits {
  /// Requests of the client under way at once; one that is due beyond that is counted as failed.
  static let outstandingRequests: Int = 200
  static let requestTimeout: Duration = .seconds(1)
  static let writeTimeout: Duration = .seconds(1)
  /// Acknowledged writes that a drill can note.
  static let acknowledgedWrites: Int = 500_000
  /// Outcomes of requests that a drill can note: seven hours at the default pace.
  static let samples: Int = 500_000
  static let timelineEntries: Int = 2_000
  static let runbookSteps: Int = 500
  /// Of a step or an outcome in a `Drill` object.
  static let messageCharacters: Int = 1_000
  static let recordedTimelineEntries: Int = 100
  /// Ended drills whose objects are kept.
  static let keptDrills: Int = 100
  /// One call of the recorder, its pause between two, and how long the end of a drill waits to be stored.
  static let recordTimeout: Duration = .seconds(1)
  static let recordPause: Duration = .milliseconds(100)
  static let recordPatience: Duration = .seconds(15)
  /// How often a drill looks whether somebody wants it stopped.
  static let abortLook: Duration = .seconds(1)
}
