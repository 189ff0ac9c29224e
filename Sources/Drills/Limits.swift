import Primitives

enum DrillLimits {
  /// Requests of the client under way at once; one that is due beyond that is counted as failed.
  static let outstandingRequests: Int = 200
  static let requestTimeout: Duration = .seconds(1)
  /// Between two attempts of a client that tries again.
  static let retryPause: Duration = .milliseconds(20)
  /// Clients beside the first one, each for another Service.
  static let companions: Int = 16
  static let writeTimeout: Duration = .seconds(1)
  /// Acknowledged writes that a drill can note.
  static let acknowledgedWrites: Int = 500_000
  /// Outcomes of requests that a drill can note: seven hours at the default pace.
  static let samples: Int = 500_000
  /// Runs of acknowledged writes that a run's object carries for one runner; a failed write begins a new one.
  static let keptWrittenRuns: Int = 400
  static let timelineEntries: Int = 2_000
  /// Quarters of a second around the event that a report counts requests and writes in: five minutes.
  static let rateBuckets: Int = 1_200
  /// Looks at pods and lag, and how often: two hours.
  static let clusterSamples: Int = 7_200
  static let clusterLook: Duration = .seconds(1)
  static let runbookSteps: Int = 500
  /// Of a runbook, and of a file that it names.
  static let fileBytes: Int = 256 << 10
  /// Of a runbook and its files, as a run carries them (the API refuses more).
  static let carriedBytes: Int = 512 << 10
  /// Of one step.
  static let attempts: Int = 100
  static let approvals: Int = 20
  /// How long a condition before or after a step is waited for unless it says so.
  static let conditionTimeout: Duration = .seconds(10)
  /// How long a fault lasts without being renewed unless its step says so: longer than a runner may be held up by what it broke.
  static let faultLease: Duration = .seconds(15)
  /// What a step that hangs gets beyond its own timeout, which it watches itself.
  static let stepGrace: Duration = .seconds(5)
  /// Of a step or an outcome in an object.
  static let messageCharacters: Int = 1_000
  /// Of one piece of evidence, in bytes: more is cut and says so.
  static let evidenceBytes: Int = 8_192
  /// Of a program on a host, where a machine reads it: what a lost center had written alone is some hundred bytes per write.
  static let hostOutputBytes: Int = 32 << 20
  /// What mends the store does not wait longer for its intent to be stored.
  static let mendPatience: Duration = .seconds(1)
  /// Between two looks at a center that must do nothing.
  static let zombieLook: Duration = .milliseconds(100)
  static let recordedTimelineEntries: Int = 100
  /// Ended drills and runs whose objects are kept.
  static let keptDrills: Int = 100
  static let keptRuns: Int = 100
  /// One call of the recorder, its pause between two, and how long the end of a drill waits to be stored.
  static let recordTimeout: Duration = .seconds(1)
  /// One call of a runner: it must get past the hosts of a dead center, half a second each.
  static let runTimeout: Duration = .seconds(4)
  static let recordPause: Duration = .milliseconds(100)
  static let recordPatience: Duration = .seconds(15)
  /// From the end of a drill's last step to its report; what takes longer is a deviation.
  static let reportWithin: Duration = .seconds(10)
  /// What gives back or undoes does not wait longer for its intent to be stored: the store may be what is broken.
  static let undoPatience: Duration = .seconds(5)
  /// How often a drill looks whether somebody wants it stopped, or has approved.
  static let abortLook: Duration = .seconds(1)
}
