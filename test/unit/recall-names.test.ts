import { describe, expect, test } from '@jest/globals';
import { inFirstPerson, namedIn } from '../../src/memory/text/names.ts';

const NAMES = { user: 'Anna Schmidt', agent: 'Mara' };

describe('a text in the first person', () => {
  test.each([
    ["What is Anna's dog called?", 'What is my dog called?'],
    ['What is Anna’s dog called?', 'What is my dog called?'],
    ['Where does Anna Schmidt live?', 'Where does I live?'],
    ['Where is ANNA SCHMIDT’S office?', 'Where is my office?'],
    ['Mara, what did you and Anna decide?', 'you, what did you and I decide?'],
    ["What was Mara's advice to Anna?", 'What was your advice to I?'],
    ['where does anna live?', 'where does I live?'],
    ['Anna', 'I'],
  ])('%s', (text, spoken) => {
    expect(inFirstPerson(text, NAMES)).toBe(spoken);
  });

  test.each([
    ['a name within a word', 'Annapolis and Marathon, Johanna and Samara'],
    ['no name', 'What is my dog called?'],
    ['a surname alone', 'Who is Mr Schmidt?'],
    ['digits that belong to the name of something else', 'Read Anna2 and 1Mara'],
    ['nothing', ''],
  ])('%s stays as it is', (_case, text) => {
    expect(inFirstPerson(text, NAMES)).toBe(text);
  });

  test('a name that is a word counts where it is written as a name', () => {
    const names = { user: 'Will', agent: 'Finance Bot' };
    expect(inFirstPerson('When will Will be in the finance office?', names)).toBe(
      'When will I be in the finance office?',
    );
    expect(inFirstPerson('What did Finance Bot say? And Finance?', names)).toBe('What did you say? And you?');
  });

  test('a name in small letters counts as it is displayed', () => {
    expect(inFirstPerson('What did anna tell Mara?', { user: 'anna', agent: 'mara' })).toBe(
      'What did I tell you?',
    );
  });

  test('names end in s, have accents in either form, hyphens, titles and signs of patterns', () => {
    expect(inFirstPerson("Where is James' bike? And James's car?", { user: 'James' })).toBe(
      'Where is my bike? And my car?',
    );
    expect(inFirstPerson('Where is Jose\u0301’s bike?', { user: 'Jos\u00e9 García' })).toBe(
      'Where is my bike?',
    );
    expect(inFirstPerson('Where is Anne-Marie?', { user: 'Anne-Marie Weber' })).toBe('Where is I?');
    expect(inFirstPerson('Is Dr. Weber or Dr. Meier in?', { user: 'Dr. Meier' })).toBe(
      'Is Dr. Weber or I in?',
    );
    expect(inFirstPerson('Ask R2 (D2)* or anybody', { agent: 'R2 (D2)*' })).toBe('Ask you or anybody');
  });

  test('a replacement is not replaced again, and a name without letters to find does nothing', () => {
    expect(inFirstPerson('What did Ada say?', { user: 'Ada', agent: 'I' })).toBe('What did I say?');
    expect(inFirstPerson('What did Ada say?', { user: '', agent: '  ' })).toBe('What did Ada say?');
    expect(inFirstPerson('What did Ada say?', {})).toBe('What did Ada say?');
  });

  test('user and agent of one name are the user', () => {
    expect(inFirstPerson('Where does Ada live?', { user: 'Ada', agent: 'Ada' })).toBe('Where does I live?');
  });
});

describe('who is named', () => {
  test.each([
    ['Where do I live?', []],
    ["What is Anna's dog called?", ['user']],
    ['What did Mara recommend?', ['agent']],
    ['What did Mara say to Anna?', ['agent', 'user']],
    ["Mara's advice, what was it?", ['agent']],
  ])('%s', (text, named) => expect([...namedIn(text, NAMES)]).toEqual(named));

  test.each([
    'Mara, where do I live?',
    'Hey Mara: where do I live?',
    '@Mara, wo wohne ich?',
    'Where do I live, Mara?',
  ])('not by being called: %s', (text) => expect(namedIn(text, NAMES).size).toBe(0));
});
