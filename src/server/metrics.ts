import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { Clock } from '../lib/index.ts'
import type { Attestor } from '../attest/attestor/index.ts'
import type { Broker } from '../broker/index.ts'
import type { Gateway } from '../gateway/index.ts'
import type { SecretRotation } from '../rotation/index.ts'

export interface Metrics {
  readonly contentType: string
  text(): Promise<string>
  observe(route: string, status: number, seconds: number): void
}

/** Prometheus metrics. Labels are route templates and status codes: nothing that a caller can make up. */
export function createMetrics(deps: {
  broker: Broker
  gateway: Gateway
  rotation: Pick<SecretRotation, 'counts'>
  attestor: Pick<Attestor, 'counts'>
  clock: Clock
}): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const requests = new Counter({
    name: 'mayfly_http_requests_total',
    help: 'API requests',
    labelNames: ['route', 'status'],
    registers: [registry],
  })
  const durations = new Histogram({
    name: 'mayfly_http_request_seconds',
    help: 'API request duration',
    labelNames: ['route'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers: [registry],
  })
  const gauge = (name: string, help: string, read: () => Promise<number> | number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.set(await read())
      },
    })
  gauge('mayfly_leases_issued', 'Leases ever issued', async () => (await deps.broker.counts()).issued)
  gauge('mayfly_leases_active', 'Leases in force', async () => (await deps.broker.counts()).active)
  const states = new Gauge({
    name: 'mayfly_leases',
    help: 'Leases, by state',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      const known = await deps.broker.leaseStates()
      for (const [state, count] of Object.entries(known.states)) states.set({ state }, count)
    },
  })
  const failures = new Counter({
    name: 'mayfly_lease_revoke_failures_total',
    help: 'How often an upstream did not confirm the end of a credential',
    registers: [registry],
    async collect() {
      failures.reset()
      failures.inc((await deps.broker.leaseStates()).failures)
    },
  })
  gauge('mayfly_lease_stuck_seconds', 'Age of the oldest lease that cannot be revoked', async () => {
    const { sinceMs } = (await deps.broker.leaseStates()).stuck
    return sinceMs === undefined ? 0 : Math.max(0, (deps.clock.nowMs() - sinceMs) / 1000)
  })
  gauge('mayfly_steps_open', 'Steps that run', async () => (await deps.broker.counts()).openSteps)
  gauge(
    'mayfly_audit_undelivered',
    'Entries waiting for the audit log',
    async () => (await deps.broker.counts()).undelivered,
  )
  const { rotation } = deps
  gauge('mayfly_rotations_open', 'Rotations under way', async () => (await rotation.counts()).open)
  gauge('mayfly_rotations_late', 'Secrets older than allowed', async () => (await rotation.counts()).late)
  gauge('mayfly_rotations_stuck', 'Rotations that do not get on', async () => (await rotation.counts()).stuck)
  const { attestor } = deps
  gauge('mayfly_attestations_due', 'Attestations to be signed', async () => (await attestor.counts()).due)
  gauge(
    'mayfly_attestations_late',
    'Attestations that were tried and wait for more than a minute',
    async () => (await attestor.counts()).late,
  )
  gauge(
    'mayfly_attestations_failed',
    'Attestations that can never be signed as they are',
    async () => (await attestor.counts()).failed,
  )
  gauge(
    'mayfly_attestations_signed',
    'Attestations that are kept',
    async () => (await attestor.counts()).signed,
  )
  gauge('mayfly_gateway_sockets', 'Open connections through the gateway', () => deps.gateway.openSockets())
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    observe(route, status, seconds) {
      requests.inc({ route, status })
      durations.observe({ route }, seconds)
    },
  }
}
