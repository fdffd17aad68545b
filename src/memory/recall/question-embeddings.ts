import { inFirstPerson, type SpeakerNames } from '../text/names.ts';

/** The embeddings by which a message asks. */
export type QuestionEmbeddings = {
  /** That of the message as it is written, which is also stored. */
  embedding: Float32Array;
  /** That of the message in the first person, where that differs. */
  inFirstPerson?: Float32Array;
};

/** Embeds a message for recall: once, and twice when it names the user or the agent. */
export async function embedQuestion(
  text: string,
  names: SpeakerNames,
  embed: (text: string) => Promise<Float32Array>,
): Promise<QuestionEmbeddings> {
  const spoken = inFirstPerson(text, names);
  if (spoken === text) return { embedding: await embed(text) };
  // The model takes both together.
  const [asWritten, asSpoken] = await Promise.all([embed(text), embed(spoken)]);
  return { embedding: asWritten, inFirstPerson: asSpoken };
}
