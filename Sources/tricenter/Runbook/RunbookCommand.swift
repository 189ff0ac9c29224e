import ArgumentParser

struct RunbookCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "runbook", abstract: "Check, plan and carry out runbooks; look after runs from any center.",
    discussion: """
      tricenter runbook check runbooks/production-loss.yaml --site sites/lab/site.yaml
      tricenter runbook plan runbooks/planned-switchover.yaml
      tricenter runbook run runbooks/planned-switchover.yaml --mode dry-run
      tricenter runbook status RUN --watch
      tricenter runbook resume RUN                 # its runner died: another goes on from here
      tricenter runbook approve RUN STEP --comment "seen"
      tricenter runbook abort RUN

      Exit code 0: done. 1: failed. 2: refused. 3: nobody can tell.
      """,
    subcommands: [
      RunbookCheck.self, RunbookPlan.self, RunbookRun.self, RunbookResume.self, RunbookStatus.self, RunbookList.self, RunbookAbort.self,
      RunbookApprove.self,
    ])
}
