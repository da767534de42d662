/**
 * People's yes to a job that asks for roles which need it: the request, who may decide it, the decision, and the messages
 * that tell them. The routes and pages are the server's.
 *
 * It refuses a decision by whoever triggered the job, a second one by the same person, and one on a policy that changed.
 *
 * Invariant: an approval opens one session, for the one job and key that asked, by the version of the policy that they saw.
 */
export { createApprovals } from './approvals.ts'
export type { Approvals, Shown } from './approvals.ts'
export type { Asked } from './asking.ts'
export type { OperationAnswer, OperationAsked, OperationAsking } from './operations.ts'
export { createNotifications } from './notifications.ts'
export type { Notifications } from './notifications.ts'
export { endLeftUnapproved, endUnapproved } from './outdated.ts'
export { requirementsOf } from './requirement.ts'
export { rolesToAskAgain } from './standing.ts'
export { createWebhookSender } from './webhook.ts'
