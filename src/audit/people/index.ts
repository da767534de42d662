/**
 * Names of people, kept out of the log and beside it: an entry holds a person's random id and a commitment to each name;
 * the names themselves are sealed with that person's own key. Without the key nothing of them can be read or guessed,
 * with it anybody can check that a name is the one that was committed to.
 *
 * It refuses to show a name that its commitment does not bear out. It deletes nothing: the log does, when it is asked to
 * erase a person.
 *
 *     people/keys/<person>      their key, 32 bytes in base64; gone once they are erased
 *     people/erased/<person>    erased: no key is taken for them again
 *     people/names/<n>          a line of JSON for each sealed set of names of the entries n * 65,536 and on
 */
export * from './names.ts'
export { whyNotFit } from './fits.ts'
export {
  forgetNames,
  personal,
  pseudonym,
  type PeopleDirectory,
  type SealedEvent,
  sealPeople,
} from './sealer.ts'
export { createPeopleCheck, type PeopleCheck, type PeopleVerdict } from './check.ts'
export { openPeople, type PeopleReader } from './reader.ts'
