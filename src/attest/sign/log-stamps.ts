import { joinTrust, parseTrustedRoot, Refusal, type Trust, verifyTimestamp } from '../verify/index.ts'
import type { AllLogKeys } from './log-keys.ts'

/**
 * Verifies the timestamps that come with entries, by the chains that the log tells. They are asked for once, and again when a
 * timestamp is by none of them: the authority may have been replaced meanwhile.
 */
export function createStampCheck(keys: () => Promise<AllLogKeys>) {
  let trust: Trust | undefined

  return {
    /** Why a timestamp does not count; undefined when each is over the signature that it came for. */
    async whyNot(
      stamps: readonly { readonly signature: Buffer; readonly timestamp: Buffer }[],
    ): Promise<string | undefined> {
      const isFresh = trust === undefined
      trust ??= trustOf(await keys())
      const problem = problemIn(stamps, trust)
      if (problem === undefined || isFresh) return problem
      trust = trustOf(await keys())
      return problemIn(stamps, trust)
    },
  }
}

function problemIn(
  stamps: readonly { readonly signature: Buffer; readonly timestamp: Buffer }[],
  trust: Trust,
): string | undefined {
  try {
    for (const { signature, timestamp } of stamps) verifyTimestamp(timestamp, signature, trust)
    return undefined
  } catch (error) {
    if (error instanceof Refusal)
      return `the timestamp of the attestation log does not hold: ${error.message}`
    throw error
  }
}

function trustOf({ timestampChains, origin }: AllLogKeys): Trust {
  return joinTrust(
    parseTrustedRoot({
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      timestampAuthorities: timestampChains.map(({ chain, sinceMs, untilMs }) => ({
        uri: `https://${origin}`,
        certChain: {
          certificates: chain.map((pem) => ({ rawBytes: pem.replaceAll(/-----[^-]*-----|\n/g, '') })),
        },
        validFor: {
          start: new Date(sinceMs).toISOString(),
          ...(untilMs === undefined ? {} : { end: new Date(untilMs).toISOString() }),
        },
      })),
    }),
  )
}
