/// `federation.tricenter.io/v1`: runs of runbooks, and the decisions that people make about their steps.
extension SchemaSource {
  static let federationRunsV1: StaticString = #"""
    T federation.v1.RunbookRun gvk=federation.tricenter.io/v1/RunbookRun
    "RunbookRun is one run of a runbook: its plan, and what has become of every step. A runner in any center carries it out; when it dies, another goes on from here.
    F apiVersion string
    "APIVersion is federation.tricenter.io/v1.
    F kind string
    "Kind is RunbookRun.
    F metadata meta.v1.ObjectMeta
    "Standard object metadata.
    F spec federation.v1.RunbookRunSpec
    "What to run. Only abort can be changed once it is written.
    F status federation.v1.RunbookRunStatus
    "How far it is. Written by the runner that holds the lease in status.runner, on top of the version that it saw.
    T federation.v1.RunbookRunSpec
    "RunbookRunSpec holds the whole plan, so that a runner in another center needs no file.
    F runbook string !
    "Identifier of the runbook.
    F title string
    "Its title.
    F source string !
    "The runbook, in YAML, as it was checked.
    F files {}string
    "Files that its steps name, by the names they use.
    F planHash string !
    "SHA-256 of source, files, parameters, variant and mode, hexadecimal. A runner refuses a run that does not fit its hash.
    F siteHash string
    "SHA-256 of the site file that it was checked against, hexadecimal.
    F parameters {}string
    "Values given for the runbook's parameters.
    F variant string
    "The variant that is run, where the runbook has several.
    F mode string ! enum=precheck|dry-run|isolated|live
    "How far it goes: precheck looks at what must hold before the first step, dry-run tells what every step would do, isolated refuses what would reach the real federation, live does it.
    F requestedBy string
    "Who began it: the user that the API server saw.
    F abort boolean
    "True stops the run: what its steps did is undone. It cannot be taken back.
    T federation.v1.RunbookRunStatus
    "RunbookRunStatus is the state of a run.
    F phase string enum=Pending|Running|Restoring|Completed|Failed|Aborted
    "Where the run stands. Restoring: a step failed or the run was aborted, and what was done is undone.
    F verdict string enum=passed|failed|inconclusive
    "The outcome, once there is one.
    F runner federation.v1.RunbookRunner
    "Who carries it out.
    F startedAt meta.v1.MicroTime
    "When it began.
    F finishedAt meta.v1.MicroTime
    "When it ended.
    F steps []federation.v1.RunbookStep list=map:name patch=merge:name
    "State of every step.
    F approvals []federation.v1.RunbookDecision list=atomic
    "Decisions that were counted.
    F facts {}string
    "What steps noted for later ones: name to JSON.
    F reportHash string
    "SHA-256 of the report, hexadecimal.
    F reportSequence int64
    "The report's number in the federation's chain of reports.
    F message string
    "The outcome in a sentence.
    T federation.v1.RunbookRunner
    "RunbookRunner is the lease under which a run is carried out.
    F holder string
    "Host and process that carries it out; empty when nobody does.
    F epoch int64
    "Grows by one each time another runner takes over. A runner of an older epoch writes nothing.
    F renewedAt meta.v1.MicroTime
    "When it was renewed last, by the runner's clock.
    F leaseMilliseconds int64
    "How long it stays the runner's without a renewal, counted by others from when they see it.
    T federation.v1.RunbookStep
    "RunbookStep is the record of one step: the intent is written before its effect, the result after it.
    F name string !
    "The step.
    F phase string ! enum=Pending|Waiting|Intended|Running|Retrying|Completed|Failed|Skipped|Compensating|Compensated|Uncompensated
    "Where it stands. Intended: its effect may have happened, and whoever resumes asks. Waiting: for approvals.
    F attempts int64
    "How often it was tried.
    F idempotencyKey string
    "Under which its effect happens once, however often it is asked for.
    F startedAt meta.v1.MicroTime
    "When it began.
    F finishedAt meta.v1.MicroTime
    "When it ended.
    F order int64
    "Which one it was to begin. What is undone is undone in the opposite order.
    F failed boolean
    "Whether it failed, whatever became of it afterwards.
    F message string
    "What it found or did, or why it failed.
    F evidence {}string
    "What it was told to keep: name to JSON.
    T federation.v1.RunbookDecision
    "RunbookDecision is an approval or a refusal that was counted.
    F step string !
    "The step.
    F user string !
    "Who decided, as the API server knows them.
    F role string
    "The role (the user's group) that it counted for.
    F decision string ! enum=approve|reject
    "What was decided.
    F comment string
    "Why.
    F time meta.v1.MicroTime
    "When it was made, by the API server's clock.
    T federation.v1.RunbookApproval gvk=federation.tricenter.io/v1/RunbookApproval
    "RunbookApproval is one person's decision about a step of a run. The API server writes down who made it.
    F apiVersion string
    "APIVersion is federation.tricenter.io/v1.
    F kind string
    "Kind is RunbookApproval.
    F metadata meta.v1.ObjectMeta
    "Standard object metadata.
    F spec federation.v1.RunbookApprovalSpec
    "The decision. It cannot be changed.
    T federation.v1.RunbookApprovalSpec
    "RunbookApprovalSpec is a decision.
    F run string !
    "Name of the RunbookRun.
    F step string !
    "The step that waits.
    F decision string ! enum=approve|reject
    "approve lets the step go on once enough people have done so; one reject fails it.
    F comment string
    "Why.
    F user string
    "Who made it. Whatever is asked for, the API server writes the user that it authenticated.
    F groups []string list=atomic
    "The user's groups, written by the API server. A step's roles are groups.
    """#
}
