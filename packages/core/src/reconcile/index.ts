export { plan } from './plan.js'
export type { Action, PlanInput } from './plan.js'
export { decideRestart } from './restart-policy.js'
export type { RestartDecision, RestartPolicy } from './restart-policy.js'
