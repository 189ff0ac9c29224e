/// Bounds of the checkers' work.
public enum HistoriesLimits {
  /// Configurations that one key's search looks at; each holds a bit per operation of the key.
  public static let searchSteps: Int = 2_000_000
  /// Violations that are told of one rule: what broke a thousand times is not read a thousand times.
  public static let violationsPerRule: Int = 10
}
