export {
  ERROR_TABLE,
  PlaygroundError,
  absentApp,
  asPlaygroundError,
  errorMessage,
  formatPosition,
  isAbsentApp,
  isErrorCode,
  isPlaygroundError,
  systemCode,
} from './errors.js'
export { fileError } from './file-error.js'
export type {
  ErrorCode,
  ErrorRow,
  GrpcStatus,
  PlaygroundErrorOptions,
  SourcePosition,
} from './errors.js'
export type { Clock } from './contracts/clock.js'
export type { LogFields, Logger } from './contracts/logger.js'
export type { Schema } from './contracts/schema.js'
export type {
  Enforcement,
  JsonValue,
  OnPlaced,
  ResourceUsage,
  RunHandle,
  RunLimits,
  RunSpec,
  RunUser,
  Runtime,
  RuntimeSupport,
  SandboxMode,
} from './contracts/runtime.js'
export { SANDBOX_MODES } from './contracts/runtime.js'
export type { HealthChecker, HealthResult, HealthTarget } from './contracts/health-checker.js'
export type { LogBatch, LogSink } from './contracts/log-sink.js'
export type { Discovery, PeerCandidate } from './contracts/discovery.js'
export { PLUGIN_KINDS } from './contracts/plugin.js'
export type {
  PluginContext,
  PluginDefinition,
  PluginKind,
  PluginKinds,
  PluginLifecycle,
} from './contracts/plugin.js'
export { APP_ACTIONS, DEPLOY_PHASES } from './contracts/control.js'
export type {
  AppAction,
  AppCommand,
  AppDescription,
  AppQuery,
  AppRow,
  Control,
  DeployPhase,
  DeployProgress,
  DeployRequest,
  EventQuery,
  FleetResult,
  Followed,
  LogMarks,
  LogQuery,
  NodeFailure,
  NodeSelector,
  VersionRow,
} from './contracts/control.js'
export { ignoreAbort, untilAborted } from './abort.js'
export { Repeats } from './repeats.js'
export type { Repeated, RepeatsOptions } from './repeats.js'
export { formatDuration, parseDurationMs } from './model/duration.js'
export { formatBytes, parseBytes } from './model/bytes.js'
export { ISOLATION_HINT } from './model/isolation-hint.js'
export { INSTANCE_STATES, formatExit, formatInstance } from './model/instance.js'
export type { ExitStatus, InstanceKey, InstanceState, InstanceStatus } from './model/instance.js'
export { LOG_KINDS, LOG_LEVELS, LOG_STREAMS, logSourceOf } from './model/log-entry.js'
export type {
  AppLogEntry,
  DaemonLogEntry,
  DroppedLines,
  EventLogEntry,
  LogEntry,
  LogKind,
  LogLevel,
  LogStream,
} from './model/log-entry.js'
export { LOG_SINK_STATES } from './model/log-sink-status.js'
export type { LogSinkState, LogSinkStatus } from './model/log-sink-status.js'
export { EVENT_TYPES } from './model/event.js'
export type { EventType, SystemEvent } from './model/event.js'
export { ROLES } from './model/role.js'
export type { Role } from './model/role.js'
export { hasEnded, isGranted, rolesOf, validGrants } from './model/grant.js'
export type { Grant } from './model/grant.js'
export type { LoadedPlugin, NodeInfo, NodeResources, NodeSummary } from './model/node.js'
export type { Heartbeat, NodeEvent } from './model/node-event.js'
export type { InstanceUsage, NodeUsage, UsageFigure } from './model/usage.js'
export { matchesLabels, parseLabelSelector } from './model/labels.js'
export type { LabelTerm } from './model/labels.js'
export { PLUGIN_BRAND, definePlugin } from './plugins/define.js'
export type { BrandedPlugin } from './plugins/define.js'
export { sinkErrorOfStatus } from './plugins/sink-error.js'
export type { SinkAnswer } from './plugins/sink-error.js'
export type {
  EventFilter,
  NewEvent,
  NonceClaim,
  NonceOutcome,
  ReplayFloor,
  StateChange,
  StateStore,
} from './contracts/state-store.js'
export { UPDATE_POLICIES, newAppRecord } from './model/app-record.js'
export type { AppRecord, PendingVersion, Trial, UpdatePolicy } from './model/app-record.js'
export { APP_NAME } from './model/app-name.js'
export { limitsBeyond } from './model/limits-beyond.js'
export type { MachineSize } from './model/limits-beyond.js'
export { nodeNameProblem } from './model/node-name.js'
export { VARIABLE_NAME } from './model/variable-name.js'
export { versionHint } from './model/version-hint.js'
export type { FailureBundle } from './model/failure-bundle.js'
export { byArrival, newInstanceRecord } from './model/instance-record.js'
export type { Goal, InstanceRecord, PackagePresence, RunEnd } from './model/instance-record.js'
export { systemClock } from './system-clock.js'
