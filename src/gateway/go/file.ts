import { keepOnly, type Exchange, type Permit } from '../exchange.ts'
import { follow } from '../follow.ts'
import { checkMod, type ExpectedSum } from './mod-check.ts'
import type { FileRoute } from './route.ts'
import { answerFailure } from './text.ts'
import type { Spool } from './zip-check.ts'

/** A go.mod or the zip file of a module on its way to the step, held against its digest where somebody has one. */
export async function passFile(
  exchange: Exchange,
  permit: Permit,
  { kind, module, version }: FileRoute,
  expected: ExpectedSum | undefined,
  spool: Spool,
): Promise<void> {
  const upstream = await follow(exchange, permit, exchange.path)
  if (upstream.statusCode !== 200) return answerFailure(exchange, upstream)
  keepOnly(upstream, ['content-length', 'last-modified'])
  exchange.response.setHeader(
    'content-type',
    kind === 'mod' ? 'text/plain; charset=utf-8' : 'application/zip',
  )
  const what = `${module}@${version}`
  const { by = 'none' } = expected ?? {}
  await exchange.deliver(
    upstream,
    kind === 'mod'
      ? {
          // Of a version that is not chosen in the end, too.
          purl: `${purlOf(module, version)}#go.mod`,
          isPart: true,
          what: `the go.mod of ${what}`,
          integrity: checkMod(`the go.mod of ${what}`, expected),
          by,
        }
      : { purl: purlOf(module, version), what, integrity: spool.check(module, version, expected), by },
  )
}

/** purl-spec, type `golang`. */
function purlOf(module: string, version: string): string {
  return `pkg:golang/${module}@${encodeURIComponent(version)}`
}
