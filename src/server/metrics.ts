import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { Broker } from '../broker/index.ts'
import type { Gateway } from '../gateway/index.ts'

export interface Metrics {
  readonly contentType: string
  text(): Promise<string>
  observe(route: string, status: number, seconds: number): void
}

/** Prometheus metrics. Labels are route templates and status codes: nothing that a caller can make up. */
export function createMetrics(deps: { broker: Broker; gateway: Gateway }): Metrics {
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
  gauge('mayfly_steps_open', 'Steps that run', async () => (await deps.broker.counts()).openSteps)
  gauge(
    'mayfly_audit_undelivered',
    'Entries waiting for the audit log',
    async () => (await deps.broker.counts()).undelivered,
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
