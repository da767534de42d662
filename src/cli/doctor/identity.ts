import type { Check } from './check.ts'

/** Can this job prove who it is, and would a role open? On a person's machine: does the server know them? */
export const checkIdentity: Check = async (here) => {
  const name = 'identity'
  const me = await here.me()
  const { identitySource: source, variables } = here.environment
  const isCi = (variables['CI'] ?? '') !== ''
  if (me.kind === 'operator') return { name, state: 'ok', says: `operator ${me.name}` }
  if (me.kind === 'refused')
    return { name, state: 'fail', says: me.why, mend: 'mayfly explain, or mayfly whoami' }
  if (me.kind === 'unreached') return { name, state: 'skip', says: 'not tried: see server' }
  if (here.server === undefined)
    return { name, state: 'skip', says: 'no server is named that could be asked' }
  if (me.kind === 'nobody')
    return {
      name,
      state: isCi && source.kind === 'none' ? 'fail' : 'skip',
      says: me.why,
      ...(source.kind === 'none' ? { mend: source.hint } : {}),
    }
  if (me.roles.length === 0)
    return {
      name,
      state: 'fail',
      says: `issuer "${me.issuer}" vouches for this job, and no role trusts it`,
      mend: 'an operator asks: mayfly explain --id-token FILE --role ROLE',
    }
  return { name, state: 'ok', says: `issuer "${me.issuer}"; roles that open: ${me.roles.join(', ')}` }
}
