import { connect } from 'node:tls'
import { connectionProblem, version } from '../../lib/index.ts'
import type { Check, Finding, Surroundings } from './check.ts'

const timeoutMs = 5_000
const mostSkewMs = 20_000
const soonDays = 14

/** Is the server there, ready, by TLS, of this version, and does its clock agree with ours? */
export const checkServer: Check = async (here) => {
  const { server } = here
  if (server === undefined)
    return {
      name: 'server',
      // A job needs one; a person may be looking at their own machine only.
      state: (here.environment.variables['CI'] ?? '') === '' ? 'skip' : 'fail',
      says: 'none is named',
      mend: 'set MAYFLY_SERVER, or --server URL',
    }
  const askedMs = here.nowMs()
  let answer: Response
  try {
    answer = await fetch(`${server}/readyz`, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) })
  } catch (error) {
    return { name: 'server', state: 'fail', ...unreachable(server, connectionProblem(error)) }
  }
  const tookMs = here.nowMs() - askedMs
  const skewMs = Date.parse(answer.headers.get('date') ?? '') - (askedMs + tookMs / 2)
  return [await readiness(server, answer), await transport(server), clock(skewMs), ...(await versions(here))]
}

function unreachable(server: string, why: string): { says: string; mend: string } {
  const isCertificate = /certificate|self.signed|CERT_/i.test(why)
  return {
    says: `${server} does not answer: ${why}`,
    mend: isCertificate
      ? 'if its certificate is of your own CA: MAYFLY_CA_FILE=/path/ca.pem; else renew it'
      : 'start it with mayfly up, mend MAYFLY_SERVER, or let this machine reach it',
  }
}

async function readiness(server: string, answer: Response): Promise<Finding> {
  const name = 'server'
  const body = (await answer.json().catch(() => undefined)) as
    | { ready?: boolean; reasons?: string[]; warnings?: string[] }
    | undefined
  if (body?.ready === undefined)
    return {
      name,
      state: 'fail',
      says: `${server} answers, and is no Mayfly server (HTTP ${answer.status})`,
      mend: 'mend MAYFLY_SERVER',
    }
  const { ready, reasons = [], warnings = [] } = body
  if (!ready) return { name, state: 'fail', says: `${server} is not ready: ${reasons.join('; ')}` }
  return warnings.length === 0
    ? { name, state: 'ok', says: `${server} is ready` }
    : { name, state: 'warn', says: `${server} is ready, but: ${warnings.join('; ')}` }
}

async function transport(server: string): Promise<Finding> {
  const { protocol, hostname, port } = new URL(server)
  if (protocol === 'http:') {
    const isHere = ['127.0.0.1', '[::1]', 'localhost'].includes(hostname)
    return isHere
      ? { name: 'TLS', state: 'ok', says: 'none needed: the server is on this machine' }
      : {
          name: 'TLS',
          state: 'fail',
          says: `${server} is plain http: tokens cross the network in the clear`,
          mend: 'give it TLS (docs/deployment.md), and use https:// in MAYFLY_SERVER',
        }
  }
  const untilMs = await certificateEnd(hostname, port === '' ? 443 : Number(port)).catch(() => Number.NaN)
  const days = Math.floor((untilMs - Date.now()) / 86_400_000)
  return days < soonDays
    ? { name: 'TLS', state: 'warn', says: `the certificate ends in ${days} days`, mend: 'renew it' }
    : {
        name: 'TLS',
        state: 'ok',
        says: Number.isNaN(days)
          ? 'the certificate is trusted'
          : `the certificate is trusted, for ${days} days`,
      }
}

function certificateEnd(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const name = host.replace(/^\[|\]$/g, '')
    const socket = connect({ host: name, port, servername: name, timeout: timeoutMs }, () => {
      const { valid_to: end } = socket.getPeerCertificate()
      socket.destroy()
      resolve(Date.parse(end))
    })
    socket.once('timeout', () => socket.destroy(new Error('no answer')))
    socket.once('error', reject)
  })
}

// `Date` has whole seconds. Identity tokens allow 30 s of difference, proofs 60 s.
function clock(skewMs: number): Finding {
  const seconds = Math.round(Math.abs(skewMs) / 1000)
  if (Number.isNaN(skewMs)) return { name: 'clock', state: 'warn', says: 'the server says no time' }
  if (Math.abs(skewMs) <= mostSkewMs)
    return { name: 'clock', state: 'ok', says: 'as the server’s, within seconds' }
  return {
    name: 'clock',
    state: 'fail',
    says: `${seconds} s ${skewMs > 0 ? 'behind' : 'ahead of'} the server’s: tokens and proofs are refused`,
    mend: 'synchronise this machine’s clock (timedatectl set-ntp true), or the server’s',
  }
}

async function versions(here: Surroundings): Promise<Finding[]> {
  const me = await here.me()
  if (!('at' in me)) return []
  const same = me.at.version === version
  return [
    {
      name: 'versions',
      state: same ? 'ok' : 'warn',
      says: same ? `both ${version}` : `the server is ${me.at.version}, this is ${version}`,
      ...(same ? {} : { mend: 'install the same version on both sides, the server’s first' }),
    },
  ]
}
