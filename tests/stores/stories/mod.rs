//! What each engine has to do.

mod answers;
mod cached;
mod deliveries;
mod jobs;
mod lists;
mod saves;
mod searches;

pub(crate) use searches::found;

use crate::Store;

type Story = fn(&mut dyn Store);

macro_rules! stories {
    ($($file:ident: $($story:ident)*;)*) => {
        /// All of them. The name is that of a database, too.
        pub(crate) const STORIES: &[(&str, Story)] =
            &[$($((stringify!($story), $file::$story)),*),*];
    };
}

stories! {
    saves:
        a_text_comes_back_as_it_was
        figures_that_are_no_numbers_lose_no_text
        a_generation_leaves_its_rows_together
        a_repeated_save_changes_nothing
        a_replay_is_the_same_as_its_writes
        a_replay_deletes_and_scores_what_it_brings
        of_two_with_one_id_the_first_is_stored
        an_import_says_what_was_there
        keywords_are_rows_in_their_order
        a_deletion_takes_scores_and_unused_term_along
        an_analysis_keeps_its_term_alive
        scores_can_come_later_and_again
        tenants_do_not_see_each_other
        what_a_request_cost_is_kept
        sql_is_stored_as_it_is;
    cached:
        an_equal_chat_finds_the_newest_answer
        an_answer_to_a_chat_is_no_text
        an_answer_goes_with_its_text_whether_that_is_stored_or_not
        old_answers_are_forgotten;
    answers:
        an_answer_goes_with_the_text_it_came_with
        an_answer_that_was_found_is_kept_while_its_text_is_there
        an_answer_whose_text_is_gone_is_not_kept_and_its_key_is_free
        an_answer_that_has_waited_is_kept_if_its_text_is_there_by_then;
    lists:
        a_walk_sees_each_row_once_while_rows_are_added
        the_last_page_knows_that_it_is_the_last
        a_page_has_its_bounds
        a_term_is_found_in_any_letter_case
        a_list_shows_the_beginning_of_a_text
        unscored_texts_are_handed_out_until_they_are_scored
        unscored_texts_stop_at_a_size
        an_export_is_whole_and_ends;
    jobs:
        an_item_is_in_one_hand_until_it_has_ended
        what_an_owner_leaves_is_taken_when_its_lease_is_over
        what_is_put_off_or_given_back_was_no_attempt
        what_is_put_away_is_given_to_whoever_goes_on
        a_cancelled_job_has_nothing_that_is_due
        an_analysis_is_stored_with_the_end_of_its_item
        jobs_that_are_over_expire_whole_and_others_never
        jobs_and_their_items_come_in_pages
        a_look_finds_what_has_ended_and_is_not_known;
    deliveries:
        what_ends_a_job_makes_its_delivery_due
        a_delivery_is_one_claims_at_a_time
        a_claim_that_is_made_again_finds_what_it_has
        a_delivery_ends_in_one_of_three_ways
        a_cancelled_job_is_told_too;
    searches:
        words_are_found_whatever_their_case_and_accents
        whatever_stands_between_words_separates_them
        nothing_that_is_typed_is_a_fault
        pages_are_whole_while_texts_come_and_go
        a_search_knows_its_tenant_and_its_topic;
}
