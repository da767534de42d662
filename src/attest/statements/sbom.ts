import { componentsOf, toCycloneDx } from '../../audit/sbom/index.ts'
import { sbomType, statementV1, type Statement } from '../verify/index.ts'
import type { StepFacts } from './facts.ts'
import { plain, plainUri, present, timeOf } from './plain.ts'
import { subjectsOf } from './subjects.ts'

/**
 * The packages that the step was given through the gateway, about what it made: CycloneDX 1.6. Undefined if it made nothing, or was given
 * nothing.
 */
export function sbomOf(facts: StepFacts): Statement | undefined {
  const subject = subjectsOf(facts)
  const packages = facts.materials.filter(
    ({ uri, part }) => part !== true && plainUri(uri)?.startsWith('pkg:') === true,
  )
  if (subject.length === 0 || packages.length === 0) return undefined
  const components = componentsOf(
    packages.map(({ uri, digest, integrity, by, connection }) => ({
      purl: uri,
      integrity: plain(integrity ?? '', 512),
      sha256: digest['sha256'],
      by: plain(by, 64),
      connection: plain(connection, 128),
    })),
  )
  const { repository, commit } = facts.identity.attributes
  return {
    _type: statementV1,
    subject,
    predicateType: sbomType,
    predicate: toCycloneDx(
      {
        ...{ run: facts.run.id, step: facts.step.id, time: timeOf(facts.step.finishedMs), components },
        ...present({
          repository: repository === undefined ? undefined : plain(repository),
          commit: commit === undefined ? undefined : plain(commit, 128),
        }),
      },
      plain(facts.server.version, 64),
    ),
  }
}
